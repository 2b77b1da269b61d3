/// <reference path="./worker.d.ts" />
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { BACKENDS } from '../src/assembleCaches.ts';
import { variableNames } from '../src/config/config.ts';
import { readModules } from './build.ts';

/** One isolate of the edge, with an address of its own. */
export interface Isolate {
  readonly hostname: string;
  readonly port: number;
  /** The Worker's variables and secrets. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export interface EdgeOptions {
  /** The folder of the simulated Durable Objects and KV; by default they are in memory. */
  readonly persistTo?: string;
  /** Receives each line that the Worker logs. */
  log(line: string): void;
}

const BUNDLE = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const WRANGLER_TOML = new URL('../wrangler.toml', import.meta.url);

/**
 * Runs isolates of the built Worker on miniflare, with the compatibility settings of wrangler.toml. They share Durable
 * Objects and KV, as the isolates of a deployed Worker do.
 * @returns the URL of each isolate, in their order
 * @throws Error a port is in use, or the Worker is not built
 */
export async function startIsolates(
  isolates: readonly Isolate[],
  { persistTo, log }: EdgeOptions,
): Promise<{ urls: string[]; stop(): Promise<void> }> {
  const settings = { ...(await miniflareModules(BUNDLE)), ...(await compatibility()) };
  const nameOf = (at: number) => `edge-${at}`;
  const workers = isolates.map(({ hostname, port, variables }, at) => ({
    name: nameOf(at),
    // The Worker listens directly: miniflare's own entry point would resolve `..` in a path, which the Worker has to
    // see, since it refuses such a path.
    unsafeDirectSockets: [{ host: hostname, port }],
    ...settings,
    bindings: bindingsOf(variables),
    kvNamespaces: { DESCRIPTORS: 'descriptors' },
    r2Buckets: { BLOBS: 'blobs' },
    durableObjects: {
      REPOSITORIES: { className: 'RepositoryObject', useSQLite: true, scriptName: nameOf(0) },
      METRICS: { className: 'MetricsObject', useSQLite: true, scriptName: nameOf(0) },
    },
  }));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      ...(persistTo && { resourcePersistencePath: persistTo }),
      cf: false,
      handleStructuredLogs: ({ message }) => log(message),
    }),
  );
  try {
    await miniflare.ready;
    const urls = await Promise.all(isolates.map((_isolate, at) => miniflare.unsafeGetDirectURL(nameOf(at))));
    return { urls: urls.map(({ origin }) => origin), stop: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    const addresses = isolates.map(({ hostname, port }) => `${port} on ${hostname}`).join(', ');
    if ((error as { code?: string }).code === 'ERR_ADDRESS_IN_USE') {
      throw new Error(`Port ${addresses} is in use; set PORT to another one.`, { cause: error });
    }
    if (/getaddrinfo\(\)|bind\(\)/.test(String(error))) {
      const problem = 'this machine cannot listen there. Set HOST to one of its addresses, and PORT to a free port';
      throw new Error(`Port ${addresses}: ${problem}`, { cause: error });
    }
    throw error;
  }
}

/** What stands for the bindings where only the configuration is read. */
const BY_MINIFLARE = 'simulated by miniflare';
export const SIMULATED = {
  DESCRIPTORS: BY_MINIFLARE,
  REPOSITORIES: BY_MINIFLARE,
  METRICS: BY_MINIFLARE,
  BLOBS: BY_MINIFLARE,
};

/** Everything is on this machine, so the variable that says in which countries it may be has no effect. */
const NOT_SIMULATED = 'STORE_JURISDICTION';

function bindingsOf(variables: Isolate['variables']): Record<string, string> {
  const names = variableNames(BACKENDS, variables.UPSTREAMS).filter((name) => name !== NOT_SIMULATED);
  return Object.fromEntries(names.flatMap((name) => (variables[name] ? [[name, variables[name]]] : [])));
}

/** Returns the modules of a built Worker as miniflare takes them. */
export async function miniflareModules(script: string) {
  const modules = Object.entries(await readModules(script));
  return {
    modulesRoot: '/',
    modules: modules.map(([name, contents]) => ({ type: 'ESModule' as const, path: `/${name}`, contents })),
  };
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
