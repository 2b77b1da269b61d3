import { createClient } from 'redis';
import { atEnd, temporaryFolder } from './cleanup.ts';
import { freePort } from './port.ts';
import { type Running, run } from './process.ts';
import { inProject } from './project.ts';
import type { BackendKind } from './tools.ts';

/** A redis-server with the project's own REST bridge in front. */
export interface RedisStore {
  readonly url: string;
  /** The variables with which an edge uses it. */
  readonly variables: Record<string, string>;
  /** Kills the redis-server, but not the bridge. */
  kill(): Promise<void>;
  /** Restarts it after `kill`, at the same address and empty. */
  start(): Promise<void>;
}

const TOKEN = 'token-of-the-e2e-tests';

/** Starts a Redis for `BLOBDESCRIPTOR=redis`, and nothing for any other backend. */
export async function startRedisFor(backend: BackendKind): Promise<RedisStore | undefined> {
  return backend === 'redis' ? startRedis() : undefined;
}

export async function startRedis(): Promise<RedisStore> {
  const port = await freePort();
  const folder = await temporaryFolder();
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''];
  let server: Running;
  async function start(): Promise<void> {
    server = run('redis-server', args);
    await server.waitFor(/Ready to accept connections/);
  }
  await start();

  const url = `redis://127.0.0.1:${port}`;
  const env = { REDIS_URL: url, PORT: '0', UPSTASH_REDIS_REST_TOKEN: TOKEN };
  const bridge = run(process.execPath, [inProject('local/upstash.ts')], env);
  const [, restUrl = ''] = await bridge.waitFor(/REST API on (http:\S+)/);
  return {
    url,
    variables: { UPSTASH_REDIS_REST_URL: restUrl, UPSTASH_REDIS_REST_TOKEN: TOKEN },
    kill: async () => void (await server.stop('SIGKILL')),
    start,
  };
}

/** Connects to the store's Redis, to inspect what is in it. */
export async function connect(store: RedisStore) {
  const client = createClient({ url: store.url });
  await client.connect();
  atEnd(() => client.close());
  return client;
}

export type Connection = Awaited<ReturnType<typeof connect>>;

/** Reads all keys of a pattern: a set as a sorted array, a hash as an object, a string as it is. */
export async function contentOf(client: Connection, pattern = '*'): Promise<Record<string, unknown>> {
  const keys = (await client.keys(pattern)).sort();
  const values = keys.map(async (key) => {
    const type = await client.type(key);
    if (type === 'string') return [key, await client.get(key)] as const;
    return [key, type === 'set' ? (await client.sMembers(key)).sort() : { ...(await client.hGetAll(key)) }] as const;
  });
  return Object.fromEntries(await Promise.all(values));
}

/** When each key expires, in epoch ms; -1 if it does not. */
export async function expiriesOf(client: Connection): Promise<Record<string, number>> {
  const keys = (await client.keys('*')).sort();
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await client.pExpireTime(key)] as const)));
}

/**
 * How often the server received each writing command since its start, without GETEX, which reads and renews an expiry.
 */
export async function writesTo(client: Connection): Promise<Record<string, number>> {
  const writing = new Set(await client.commandList({ FILTERBY: { type: 'ACLCAT', value: 'write' } }));
  const calls = (await client.info('commandstats')).matchAll(/^cmdstat_([^:|]+)\S*?calls=(\d+)/gm);
  return Object.fromEntries(
    [...calls].flatMap(([, name = '', count]) =>
      writing.has(name) && name !== 'getex' ? [[name, Number(count)]] : [],
    ),
  );
}
