import { createClient } from 'redis';
import { atEnd, temporaryFolder } from './cleanup.ts';
import { freePort } from './port.ts';
import { type Running, run } from './process.ts';
import { inProject } from './project.ts';

/** A redis-server with the project's own REST bridge in front. */
export interface RedisStore {
  readonly url: string;
  /** What an edge needs to use it. */
  readonly variables: Record<string, string>;
  /** Kills the redis-server, not the bridge. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, at the same address, with nothing in it. */
  start(): Promise<void>;
}

const TOKEN = 'token-of-the-e2e-tests';

export async function startRedis(): Promise<RedisStore> {
  const port = await freePort();
  const folder = await temporaryFolder();
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''];
  let server: Running;
  async function start(): Promise<void> {
    server = run('redis-server', args);
    await server.prints(/Ready to accept connections/);
  }
  await start();

  const url = `redis://127.0.0.1:${port}`;
  const env = { REDIS_URL: url, PORT: '0', UPSTASH_REDIS_REST_TOKEN: TOKEN };
  const bridge = run(process.execPath, [inProject('local/upstash.ts')], env);
  const [, rest = ''] = await bridge.prints(/REST API on (http:\S+)/);
  return {
    url,
    variables: { UPSTASH_REDIS_REST_URL: rest, UPSTASH_REDIS_REST_TOKEN: TOKEN },
    kill: async () => void (await server.stop('SIGKILL')),
    start,
  };
}

/** A connection to look at what stands in the store. */
export async function connect(store: RedisStore) {
  const client = createClient({ url: store.url });
  await client.connect();
  atEnd(() => client.close());
  return client;
}

export type Connection = Awaited<ReturnType<typeof connect>>;

/** All that stands under keys of a pattern: sets sorted, hashes field by field, strings as they are. */
export async function contentOf(client: Connection, pattern = '*'): Promise<Record<string, unknown>> {
  const keys = (await client.keys(pattern)).sort();
  const values = keys.map(async (key) => {
    const type = await client.type(key);
    if (type === 'string') return [key, await client.get(key)] as const;
    return [key, type === 'set' ? (await client.sMembers(key)).sort() : { ...(await client.hGetAll(key)) }] as const;
  });
  return Object.fromEntries(await Promise.all(values));
}

/** When each key expires (epoch ms); -1: never. */
export async function expiriesOf(client: Connection): Promise<Record<string, number>> {
  const keys = (await client.keys('*')).sort();
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await client.pExpireTime(key)] as const)));
}

/** How often the server was given each command that writes, since its start; GETEX, which reads, changes an expiry. */
export async function writesTo(client: Connection): Promise<Record<string, number>> {
  const writing = new Set(await client.commandList({ FILTERBY: { type: 'ACLCAT', value: 'write' } }));
  const told = (await client.info('commandstats')).matchAll(/^cmdstat_([^:|]+)\S*?calls=(\d+)/gm);
  return Object.fromEntries(
    [...told].flatMap(([, name = '', calls]) => (writing.has(name) && name !== 'getex' ? [[name, Number(calls)]] : [])),
  );
}
