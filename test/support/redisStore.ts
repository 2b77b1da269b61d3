import { Redis } from '@upstash/redis/cloudflare';
import { inject } from 'vitest';

/** An address at which nothing listens. */
export const UNREACHABLE = { url: 'http://127.0.0.1:1', token: 'none' };
/** The real Redis of the tests; unreachable if none is installed. */
export const ADDRESS = inject('redis') ?? UNREACHABLE;
export const NO_REDIS = !inject('redis');

/** The variables of an edge on the real Redis, with a timeout that is long enough for slow machines. */
export const REDIS = {
  BLOBDESCRIPTOR: 'redis',
  UPSTASH_REDIS_REST_URL: ADDRESS.url,
  UPSTASH_REDIS_REST_TOKEN: ADDRESS.token,
  CACHE_TIMEOUT: '10s',
};

/** Reads and writes the store past the code under test. */
export const redis = new Redis({ ...ADDRESS, automaticDeserialization: false, enableAutoPipelining: false });

/** Returns the value of every key that contains one of the texts. */
export async function snapshot(...patterns: string[]): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const pattern of patterns) {
    for (const key of (await redis.keys(`*${pattern}*`)).sort()) values[key] = await readValue(key);
  }
  return values;
}

/**
 * Removes the keys of a repository's digests from Redis. A test that stores thousands does this, because every later
 * search for keys walks over what is left.
 */
export async function removeFromRedis(name: string, digests: readonly string[]): Promise<void> {
  const prefixes = ['blobs', 'manifests'].flatMap((links) => [`${links}::`, `repository::${name}::${links}::`]);
  const keys = digests.flatMap((digest) => prefixes.map((prefix) => prefix + digest));
  for (let at = 0; at < keys.length; at += 1_000) await redis.unlink(...keys.slice(at, at + 1_000));
}

async function readValue(key: string): Promise<unknown> {
  const type = await redis.type(key);
  if (type === 'set') return (await redis.smembers(key)).sort();
  if (type === 'hash') return fieldsOf(key);
  return redis.get(key);
}

/** Returns the fields of a hash, sorted by name. */
export async function fieldsOf(key: string): Promise<Record<string, string | undefined>> {
  const flat = (await redis.hgetall(key)) as unknown as string[];
  const pairs = flat.flatMap((field, at) => (at % 2 === 0 ? [[field, flat[at + 1]] as const] : []));
  return Object.fromEntries(pairs.sort(([one], [other]) => (one < other ? -1 : 1)));
}
