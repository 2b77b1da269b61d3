/// <reference path="./worker.d.ts" />
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { BACKENDS } from '../src/assemble.ts';
import { variableNames } from '../src/config/config.ts';

export interface EdgeOptions {
  readonly hostname: string;
  readonly port: number;
  /** The Worker's variables and secrets. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The folder of the simulated KV; by default it is in memory. */
  readonly persistTo?: string;
  /** Receives each line that the Worker logs. */
  log(line: string): void;
}

const BUNDLE = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const WRANGLER_TOML = new URL('../wrangler.toml', import.meta.url);

/**
 * Runs the built Worker on miniflare, with the compatibility settings of wrangler.toml.
 * @throws Error the port is in use, or the Worker is not built
 */
export async function startEdge(options: EdgeOptions): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port, variables, persistTo, log } = options;
  const bindings = Object.fromEntries(
    variableNames(BACKENDS).flatMap((name) => (variables[name] ? [[name, variables[name]]] : [])),
  );
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      // The Worker listens directly: miniflare's own entry point would resolve `..` in a path, which the Worker has
      // to see, since it refuses such a path.
      unsafeDirectSockets: [{ host: hostname, port }],
      modules: true,
      scriptPath: BUNDLE,
      ...(await compatibility()),
      bindings,
      kvNamespaces: { DESCRIPTORS: 'descriptors' },
      durableObjects: { REPOSITORIES: { className: 'RepositoryObject', useSQLite: true } },
      ...(persistTo && { resourcePersistencePath: persistTo }),
      cf: false,
      handleStructuredLogs: ({ message }) => log(message),
    }),
  );
  try {
    await miniflare.ready;
    const url = await miniflare.unsafeGetDirectURL();
    return { url: url.origin, stop: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    if ((error as { code?: string }).code === 'ERR_ADDRESS_IN_USE') {
      throw new Error(`Port ${port} on ${hostname} is in use; set PORT to another one.`, { cause: error });
    }
    throw error;
  }
}

/** Reads the compatibility settings from wrangler.toml, which decide how workerd behaves. */
export async function compatibility(): Promise<{ compatibilityDate: string; compatibilityFlags: string[] }> {
  const toml = await readFile(WRANGLER_TOML, 'utf8');
  const date = /^compatibility_date = "(.+)"$/m.exec(toml)?.[1];
  const flags = /^compatibility_flags = (\[.*\])$/m.exec(toml)?.[1];
  if (!date || !flags)
    throw new Error('wrangler.toml: expected a compatibility_date and compatibility_flags, each on one line');
  return { compatibilityDate: date, compatibilityFlags: JSON.parse(flags) };
}
