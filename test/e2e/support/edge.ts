import { rm } from 'node:fs/promises';
import { SIMULATED } from '../../../local/edge.ts';
import { stateFolder } from '../../../local/state.ts';
import { BYTE_BACKENDS } from '../../../src/assembleBytes.ts';
import { BACKENDS } from '../../../src/assembleCaches.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { atEnd } from './cleanup.ts';
import { type Running, run } from './process.ts';
import { inProject } from './project.ts';
import { type RedisStore, startRedisFor } from './redis.ts';
import type { BackendKind } from './tools.ts';

export interface Edge {
  readonly url: string;
  /** The host and port that clients write in front of an image's name. */
  readonly host: string;
  readonly process: Running;
}

export interface EdgeOptions {
  /** Empty where the variables name `UPSTREAMS`, and nothing is left. */
  readonly origin: string;
  readonly backend: BackendKind;
  /** The store of `backend: 'redis'`; by default one is started. */
  readonly redis?: RedisStore | undefined;
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether it goes on with what an edge in front of the same origin has left on disk. */
  readonly keepsState?: boolean;
}

/**
 * Makes the edge wait longer for its store than the default of 250 ms, after which it asks the origin as well: on a
 * busy machine a store may need more. For tests that count the origin's requests.
 */
export const PATIENT = { CACHE_TIMEOUT: '1s' } as const;

/** Starts the built edge as `npm start` does, on any free port and, unless a store is given, with an empty cache. */
export async function startEdge({ variables = {}, ...options }: EdgeOptions): Promise<Edge> {
  const [edge] = await startEdges(options, [variables]);
  if (!edge) throw new Error('no edge was started');
  return edge;
}

/**
 * Starts edges that share one store, which is empty unless it is given: isolates of one process on Durable Objects,
 * which two processes cannot share, and processes of their own otherwise.
 * @param variables of each edge
 */
export async function startEdges(
  { origin, backend, redis, keepsState = false }: Omit<EdgeOptions, 'variables'>,
  variables: readonly Readonly<Record<string, string>>[],
): Promise<Edge[]> {
  const store = redis ?? (await startRedisFor(backend));
  const all = variables.map((own) => ({
    ...{ ORIGIN_URL: origin, BLOBDESCRIPTOR: backend, PORT: '0' },
    ...store?.variables,
    ...own,
  }));
  if (backend === 'durable' && all.length > 1) return startIsolates(all);
  const folder = stateFolder(parseConfig({ ...all[0], ...SIMULATED }, BACKENDS, BYTE_BACKENDS));
  if (!keepsState) await rm(folder, { recursive: true, force: true });
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const edges: Edge[] = [];
  for (const each of all) edges.push(await whenReady(startProgram(each)));
  return edges;
}

async function startIsolates(variables: readonly Record<string, string>[]): Promise<Edge[]> {
  const isolates = variables.map((each) => ({ hostname: '127.0.0.1', port: 0, variables: each }));
  const program = [inProject('test/e2e/support/isolates.ts')];
  const running = run(process.execPath, program, { ISOLATES: JSON.stringify(isolates) });
  const [, urls = ''] = await running.waitFor(/^isolates on (.+)\.$/m);
  return urls.split(' ').map((url) => ({ url, host: new URL(url).host, process: running }));
}

/** Starts what `npm start` starts, without npm, which would not pass signals on. */
export function startProgram(env: Record<string, string>, args: readonly string[] = []): Running {
  return run(process.execPath, [inProject('local/start.ts'), ...args], env);
}

/** Waits until the program prints the URL on which it listens. */
export async function whenReady(program: Running): Promise<Edge> {
  const [, url = ''] = await program.waitFor(
    /^registry-edge on (http:\/\/[^,\s]+), in front of .+\n(?:.*\n)*?descriptors in/m,
  );
  return { url, host: new URL(url).host, process: program };
}
