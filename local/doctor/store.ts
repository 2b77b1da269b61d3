import type { Config } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/settings.ts';
import { createRedis } from '../../src/stores/redis/client.ts';
import { advice, type Finding, ok, problem } from './finding.ts';

/** A key that no edge and no registry uses; it ends by itself. */
const KEY = 'registry-edge::doctor';
const LIFE_SECONDS = 60;
/** How many keys are looked at. */
const SAMPLE = 500;

type Redis = Awaited<ReturnType<typeof createRedis>>;

/** Checks the store, where it can be reached from here. */
export async function checkStore({ backend, upstreams }: Config, env: Environment): Promise<Finding[]> {
  if (backend.kind !== 'redis') return [ok(`${backend.kind} can only be reached by the deployed Worker: use --edge`)];
  const [url, token] = [String(env.UPSTASH_REDIS_REST_URL).trim(), String(env.UPSTASH_REDIS_REST_TOKEN).trim()];
  const redis = await createRedis({ url, token }, 5_000);
  const startedAt = performance.now();
  try {
    await redis.ping();
    const ms = Math.round(performance.now() - startedAt);
    await redis.set(KEY, 'written by npm run doctor', { ex: LIFE_SECONDS });
    await redis.del(KEY);
    const slowest = Math.min(...upstreams.map(({ cacheTimeoutMs }) => cacheTimeoutMs));
    return [timing(ms, slowest), ...(await checkMemory(redis)), ...(await checkSharing(redis, env))];
  } catch (error) {
    return [judgeFault(error)];
  }
}

function timing(ms: number, timeoutMs: number): Finding {
  if (ms <= timeoutMs) return ok(`Redis can be read and written, and answered in ${ms} ms from here`);
  const says = `Redis answered in ${ms} ms from here, which is more than CACHE_TIMEOUT: then the origin is asked as well`;
  return advice(says, 'if it is as far from where the Worker runs, choose a nearer region, or raise CACHE_TIMEOUT');
}

/** Says what a fault means. The message of a client's error may hold the whole command, so it is not shown. */
function judgeFault(error: unknown): Finding {
  const text = error instanceof Error ? error.message : '';
  if (/unauthorized|WRONGPASS|invalid token/i.test(text)) {
    return problem('UPSTASH_REDIS_REST_TOKEN: the database refuses it', 'copy the token of this database anew');
  }
  if (/NOPERM|read.?only/i.test(text)) {
    return problem('UPSTASH_REDIS_REST_TOKEN: it may only read', 'use the token that may write as well');
  }
  const says = 'UPSTASH_REDIS_REST_URL: no Redis answers there, so every request goes to the origin';
  return problem(says, 'copy the REST URL of the database anew, and look whether the database is running');
}

/** A tombstone that is evicted early hides nothing any more. */
async function checkMemory(redis: Redis): Promise<Finding[]> {
  // Upstash does not let everybody read it.
  const told = await redis.exec<unknown>(['CONFIG', 'GET', 'maxmemory-policy']).catch(() => undefined);
  const policy = Array.isArray(told) ? String(told[1]) : 'noeviction';
  if (policy === 'noeviction') return [];
  const says = `Redis evicts keys when it is full (${policy}): of tombstones, which keep deleted blobs from coming back, too`;
  return [advice(says, 'set maxmemory-policy to noeviction, and give it the memory that it needs')];
}

/** Looks whether a registry writes to the database as well: it never says when it confirmed something. */
async function checkSharing(redis: Redis, { REDIS_SHARED }: Environment): Promise<Finding[]> {
  const isShared = String(REDIS_SHARED ?? '').trim() === 'true';
  const [, keys] = await redis.scan(0, { match: 'repository::*::blobs::sha256:*', count: SAMPLE });
  const [key] = keys;
  const fields = key === undefined ? [] : await redis.hkeys(key);
  const isOfRegistry = key !== undefined && !['verified', 'open', 'cleared'].some((field) => fields.includes(field));
  if (isOfRegistry && !isShared) {
    const says =
      'a registry keeps its own blob descriptors in this database: what the edge writes late would bring deleted blobs back there';
    return [
      problem(
        says,
        'set REDIS_SHARED=true if it is a registry 3.1 or later; otherwise give the edge a database of its own',
      ),
    ];
  }
  if (!isShared) return [];
  const says =
    'REDIS_SHARED=true requires a registry 3.1 or later: earlier ones revive deleted blobs in the database by themselves';
  if (isOfRegistry) return [ok(says)];
  return [
    advice(
      'REDIS_SHARED=true, and no registry has written here: without its entries nothing is a hit',
      'point the registry to this database, or remove REDIS_SHARED',
    ),
  ];
}
