import type { Redis } from '@upstash/redis/cloudflare';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import { delay } from '../within.ts';
import type { Records } from './records.ts';
import {
  buryIn,
  GLOBAL_FIELDS,
  globalKey,
  keysOf,
  parseCleared,
  parseDone,
  parseRecord,
  parseStrings,
  type RedisRecordsOptions,
  readGlobal,
} from './redisLayout.ts';

/**
 * A registry writes back what a HEAD found, without looking whether its own delete has come between, so a clear is done
 * once more after this.
 */
const SECOND_CLEAR_MS = 1_000;

/**
 * A repository's blobs in the database of a `distribution` registry, 3.1 or later. To the registry a cached descriptor *is*
 * the access check, so a late write of ours would bring a deleted blob back to life: its keys are read and cleared, never
 * set and never made to expire. It writes its own misses back when the edge asks it. When the edge last confirmed an
 * entry stands in a key of the edge's own; without it an entry counts as unconfirmed.
 *
 *     HASH  registry-edge::<name>::blobs::<digest>   verified, open, cleared
 *     HASH  registry-edge::blobs::<digest>           cleared, for all repositories
 */
export function sharedRecords(
  redis: Redis,
  name: RepositoryName,
  { lifeSeconds, confirmed }: RedisRecordsOptions,
): Records {
  const keys = keysOf(name, 'blobs');
  const ownKey = (digest: Digest) => `registry-edge::${name}::blobs::${digest}`;
  return {
    async read(_ctx, digest) {
      const [member, global, scoped, own, forAll] = await redis
        .pipeline()
        .sismember(keys.members, digest)
        .hmget(globalKey('blobs', digest), ...GLOBAL_FIELDS)
        .hmget(keys.scoped(digest), 'mediatype')
        .hmget(ownKey(digest), confirmed, 'cleared')
        .hmget(ownGlobalKey(digest), 'cleared')
        .exec<[unknown, unknown, unknown, unknown, unknown]>();
      const [mediaType] = parseStrings(scoped, 1);
      const [verified, cleared] = parseStrings(own, 2);
      const [clearedForAll] = parseStrings(forAll, 1);
      const known = parseStrings(global, GLOBAL_FIELDS.length);
      return parseRecord({ member, global: known, mediaType, verified, cleared: [cleared, clearedForAll] });
    },
    async write(_ctx, digests, { verifiedAt }) {
      const write = redis.multi();
      for (const digest of digests) {
        write.hset(ownKey(digest), { [confirmed]: verifiedAt }).expire(ownKey(digest), lifeSeconds);
      }
      parseDone(await write.exec(), 2 * digests.size);
    },
    bury: (_ctx, digest, cleared) => buryIn(redis, ownKey(digest), cleared, lifeSeconds),
    async clear(ctx, digest, cleared) {
      const canonical = await clearOnce(digest, cleared);
      ctx.waitUntil(delay(SECOND_CLEAR_MS).then(() => clearOnce(digest, cleared)));
      return canonical;
    },
  };

  /** What the registry itself does to clear: `redis.go` of 3.1. */
  async function clearOnce(digest: Digest, cleared: number): Promise<string | undefined> {
    const replies: unknown = await redis
      .multi()
      .hget(globalKey('blobs', digest), 'digest')
      .srem(keys.members, digest)
      .del(keys.scoped(digest))
      .hdel(globalKey('blobs', digest), ...GLOBAL_FIELDS)
      .hdel(ownKey(digest), 'verified', 'open')
      .hset(ownKey(digest), { cleared })
      .expire(ownKey(digest), lifeSeconds)
      .exec();
    return parseCleared(replies, 7);
  }
}

/** The global records of a registry's database: read and cleared, never set. */
export function sharedGlobalRecords(redis: Redis, { lifeSeconds }: RedisRecordsOptions): Records {
  return {
    read: (_ctx, digest) => readGlobal(redis, 'blobs', digest),
    async write() {},
    bury: (_ctx, digest, cleared) => buryIn(redis, ownGlobalKey(digest), cleared, lifeSeconds),
    async clear(_ctx, digest, cleared) {
      const replies: unknown = await redis
        .multi()
        .hget(globalKey('blobs', digest), 'digest')
        .hdel(globalKey('blobs', digest), ...GLOBAL_FIELDS)
        .hset(ownGlobalKey(digest), { cleared })
        .expire(ownGlobalKey(digest), lifeSeconds)
        .exec();
      return parseCleared(replies, 4);
    },
  };
}

function ownGlobalKey(digest: Digest): string {
  return `registry-edge::blobs::${digest}`;
}
