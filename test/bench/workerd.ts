import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compatibility } from '../../local/edge.ts';
import { temporaryFolder } from '../e2e/support/cleanup.ts';
import { type Running, run } from '../e2e/support/process.ts';

/** A Worker to run as it is, without wrangler or miniflare around it. */
export interface WorkerOptions {
  /** Path of its one module. */
  readonly script: string;
  /** Its `env`: a string is a variable, anything else arrives as parsed JSON. */
  readonly bindings?: Readonly<Record<string, unknown>>;
  /** Paths of what it imports as text, by the name that it imports. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Binds a loader of other Workers as `LOADER`. */
  readonly loadsWorkers?: boolean;
  /** Writes a line of its log for every collection of garbage. */
  readonly tracesGc?: boolean;
  /** Listens for a debugger. */
  readonly isInspected?: boolean;
}

export interface Served {
  readonly url: string;
  readonly process: Running;
  /** All that workerd and the Worker have written. */
  log(): Promise<string>;
  /** Where a debugger finds the list of what it can attach to. */
  readonly inspectorUrl: string | undefined;
}

const require = createRequire(import.meta.url);
/** The one that miniflare, and so `npm start`, runs on: the program's path and its version. */
export const WORKERD = createRequire(require.resolve('miniflare'))('workerd') as { default: string; version: string };

/** Runs a Worker on `workerd serve` with the compatibility settings that the edge is deployed with, on any free port. */
export async function serveOnWorkerd(options: WorkerOptions): Promise<Served> {
  const folder = await temporaryFolder();
  await copyFile(options.script, join(folder, 'main.js'));
  for (const [name, path] of Object.entries(options.texts ?? {})) await copyFile(path, join(folder, name));
  await writeFile(join(folder, 'config.capnp'), await configOf(options));

  const flags = [
    '--control-fd=3',
    ...(options.isInspected ? ['--inspector-addr=127.0.0.1:0'] : []),
    ...(options.loadsWorkers ? ['--experimental'] : []),
  ];
  // Its log goes to a file, so that nobody spends time on reading it meanwhile.
  const command = 'exec "$@" 3>&1 >"$LOG" 2>&1';
  const logPath = join(folder, 'log');
  // V8 does not flush the lines that it writes to a file.
  const unbuffered = options.tracesGc ? ['stdbuf', '-oL'] : [];
  const args = ['-c', command, 'sh', ...unbuffered, WORKERD.default, 'serve', ...flags, join(folder, 'config.capnp')];
  const process = run('sh', args, { LOG: logPath });
  const [, port] = await process.prints(/"event":"listen","socket":"http","port":(\d+)/);
  const inspectorPort = /"event":"listen-inspector","port":(\d+)/.exec(process.stdout())?.[1];
  return {
    url: `http://127.0.0.1:${port}`,
    process,
    log: () => readFile(logPath, 'utf8'),
    inspectorUrl: inspectorPort && `http://127.0.0.1:${inspectorPort}/json`,
  };
}

/** A configuration in Cap'n Proto's text form (workerd.capnp), whose strings are written as JSON's where they are ASCII. */
async function configOf({ bindings = {}, texts = {}, loadsWorkers, tracesGc }: WorkerOptions): Promise<string> {
  const { compatibilityDate, compatibilityFlags } = await compatibility();
  const modules = [
    '(name = "main.js", esModule = embed "main.js")',
    ...Object.keys(texts).map((name) => `(name = ${JSON.stringify(name)}, text = embed ${JSON.stringify(name)})`),
  ];
  const bound = [
    ...Object.entries(bindings).map(([name, value]) => `(name = ${JSON.stringify(name)}, ${bindingOf(value)})`),
    ...(loadsWorkers ? ['(name = "LOADER", workerLoader = ())'] : []),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.join(', ')}],
      bindings = [${bound.join(', ')}],
      compatibilityDate = ${JSON.stringify(compatibilityDate)},
      compatibilityFlags = ${JSON.stringify(compatibilityFlags)},
      globalOutbound = "machine",
    )),
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
