import { rm } from 'node:fs/promises';
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
  readonly origin: string;
  readonly backend: BackendKind;
  /** The store of `backend: 'redis'`; by default one is started. */
  readonly redis?: RedisStore | undefined;
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether it uses the KV of another edge that runs in front of the same origin. */
  readonly sharesKv?: boolean;
}

/**
 * Makes the edge wait longer for its store than the default of 250 ms, after which it asks the origin as well: on a
 * busy machine a store may need more. For tests that count the origin's requests.
 */
export const PATIENT = { CACHE_TIMEOUT: '1s' } as const;

/** Starts the built edge as `npm start` does, on any free port and, unless a store is given, with an empty cache. */
export async function startEdge({ origin, backend, redis, variables, sharesKv }: EdgeOptions): Promise<Edge> {
  const store = redis ?? (await startRedisFor(backend));
  const folder = inProject('.registry-edge', encodeURIComponent(new URL(origin).href));
  if (!sharesKv) await rm(folder, { recursive: true, force: true });
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return whenReady(
    startProgram({ ORIGIN_URL: origin, BLOBDESCRIPTOR: backend, PORT: '0', ...store?.variables, ...variables }),
  );
}

/** Starts what `npm start` starts, without npm, which would not pass signals on. */
export function startProgram(env: Record<string, string>): Running {
  return run(process.execPath, [inProject('local/start.ts')], env);
}

/** Waits until the program prints the URL on which it listens. */
export async function whenReady(program: Running): Promise<Edge> {
  const [, url = ''] = await program.waitFor(
    /^registry-edge on (http:\/\/[^,\s]+), in front of .+\n(?:.*\n)*?descriptors in/m,
  );
  return { url, host: new URL(url).host, process: program };
}
