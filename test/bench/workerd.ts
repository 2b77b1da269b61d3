import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readModules } from '../../local/build.ts';
import { compatibility } from '../../local/edge.ts';
import { temporaryFolder } from '../e2e/support/cleanup.ts';
import { type Running, run } from '../e2e/support/process.ts';

/** A Worker that runs without wrangler or miniflare around it. */
export interface WorkerOptions {
  /** The path of its main module. */
  readonly script: string;
  /** Its `env`: a string is a variable, any other value arrives as parsed JSON. */
  readonly bindings?: Readonly<Record<string, unknown>>;
  /** The classes of Durable Objects that it exports, by the names under which they are bound; they are kept on disk. */
  readonly objects?: Readonly<Record<string, string>>;
  /** Whether a loader of other Workers is bound as `LOADER`. */
  readonly loadsWorkers?: boolean;
  /** Whether the log has a line for each garbage collection. */
  readonly tracesGc?: boolean;
  /** Whether a debugger can attach. */
  readonly isInspected?: boolean;
}

export interface Served {
  readonly url: string;
  readonly process: Running;
  /** Reads everything that workerd and the Worker have logged. */
  log(): Promise<string>;
  /** The URL of the list of debugger targets. */
  readonly inspectorUrl: string | undefined;
}

const require = createRequire(import.meta.url);
/** The workerd that miniflare, and therefore `npm start`, uses: its path and version. */
export const WORKERD = createRequire(require.resolve('miniflare'))('workerd') as { default: string; version: string };

/** Runs a Worker on `workerd serve`, on any free port and with the compatibility settings of the deployed edge. */
export async function serveOnWorkerd(options: WorkerOptions): Promise<Served> {
  const folder = await temporaryFolder();
  const modules = await readModules(options.script);
  for (const [name, code] of Object.entries(modules)) await writeFile(join(folder, name), code);
  await mkdir(join(folder, 'objects'));
  await writeFile(join(folder, 'config.capnp'), await configOf(options, Object.keys(modules), folder));

  const flags = [
    '--control-fd=3',
    ...(options.isInspected ? ['--inspector-addr=127.0.0.1:0'] : []),
    ...(options.loadsWorkers ? ['--experimental'] : []),
  ];
  // The log goes to a file, so that no process spends time on reading it during the measurement.
  const command = 'exec "$@" 3>&1 >"$LOG" 2>&1';
  const logPath = join(folder, 'log');
  // By default V8's lines to a file are buffered.
  const unbuffered = options.tracesGc ? ['stdbuf', '-oL'] : [];
  const args = ['-c', command, 'sh', ...unbuffered, WORKERD.default, 'serve', ...flags, join(folder, 'config.capnp')];
  const process = run('sh', args, { LOG: logPath });
  const [, port] = await process.waitFor(/"event":"listen","socket":"http","port":(\d+)/);
  const inspectorPort = /"event":"listen-inspector","port":(\d+)/.exec(process.stdout())?.[1];
  return {
    url: `http://127.0.0.1:${port}`,
    process,
    log: () => readFile(logPath, 'utf8'),
    inspectorUrl: inspectorPort && `http://127.0.0.1:${inspectorPort}/json`,
  };
}

/** A configuration in Cap'n Proto's text form (workerd.capnp), whose ASCII strings are written like those of JSON. */
async function configOf(
  { bindings = {}, objects = {}, loadsWorkers, tracesGc }: WorkerOptions,
  names: readonly string[],
  folder: string,
): Promise<string> {
  const { compatibilityDate, compatibilityFlags } = await compatibility();
  const modules = names.map((name) => `(name = ${JSON.stringify(name)}, esModule = embed ${JSON.stringify(name)})`);
  const bound = [
    ...Object.entries(bindings).map(([name, value]) => `(name = ${JSON.stringify(name)}, ${bindingOf(value)})`),
    ...(loadsWorkers ? ['(name = "LOADER", workerLoader = ())'] : []),
    ...Object.entries(objects).map(
      ([name, className]) => `(name = "${name}", durableObjectNamespace = "${className}")`,
    ),
  ];
  const classes = Object.values(objects).map(
    (className) => `(className = "${className}", uniqueKey = "${className}", enableSql = true)`,
  );
  const namespaces = `durableObjectNamespaces = [${classes.join(', ')}],
      durableObjectStorage = (localDisk = "disk"),`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.join(', ')}],
      bindings = [${bound.join(', ')}],
      compatibilityDate = ${JSON.stringify(compatibilityDate)},
      compatibilityFlags = ${JSON.stringify(compatibilityFlags)},
      globalOutbound = "machine",
      ${classes.length > 0 ? namespaces : ''}
    )),
    (name = "disk", disk = (path = ${JSON.stringify(join(folder, 'objects'))}, writable = true)),
    (name = "machine", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
  v8Flags = [${tracesGc ? '"--trace-gc"' : ''}],
);
`;
}

function bindingOf(value: unknown): string {
  return typeof value === 'string'
    ? `text = ${JSON.stringify(value)}`
    : `json = ${JSON.stringify(JSON.stringify(value))}`;
}
