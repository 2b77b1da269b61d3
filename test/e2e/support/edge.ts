import { rm } from 'node:fs/promises';
import { atEnd } from './cleanup.ts';
import { type Running, run } from './process.ts';
import { inProject } from './project.ts';
import { type RedisStore, startRedis } from './redis.ts';
import type { BackendKind } from './tools.ts';

export interface Edge {
  readonly url: string;
  /** As clients write it before an image's name. */
  readonly host: string;
  readonly process: Running;
}

export interface EdgeOptions {
  readonly origin: string;
  readonly backend: BackendKind;
  /** The store of `backend: 'redis'`; one is started where it is not given. */
  readonly redis?: RedisStore;
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether it has the KV of another edge that runs in front of the same origin. */
  readonly sharesKv?: boolean;
}

/** Starts the built edge as `npm start` does, on any free port, with nothing in a cache of its own. */
export async function startEdge({ origin, backend, redis, variables, sharesKv }: EdgeOptions): Promise<Edge> {
  const store = backend === 'redis' ? (redis ?? (await startRedis())) : undefined;
  const folder = inProject('.registry-edge', encodeURIComponent(new URL(origin).href));
  if (!sharesKv) await rm(folder, { recursive: true, force: true });
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return ready(
    startProgram({ ORIGIN_URL: origin, BLOBDESCRIPTOR: backend, PORT: '0', ...store?.variables, ...variables }),
  );
}

/** `npm start` without npm, which would not hand signals on. */
export function startProgram(env: Record<string, string>): Running {
  return run(process.execPath, [inProject('local/start.ts')], env);
}

/** Waits until the program says where it listens. */
export async function ready(program: Running): Promise<Edge> {
  const [, url = ''] = await program.prints(
    /^registry-edge on (http:\/\/[^,\s]+), in front of .+\n(?:.*\n)*?descriptors in/m,
  );
  return { url, host: new URL(url).host, process: program };
}
