import type { Redis } from '@upstash/redis/cloudflare';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Records } from './records.ts';
import { GLOBAL_FIELDS, keysOf, parseRecord, parseStrings, type RedisRecordsOptions } from './redisLayout.ts';

/**
 * A repository's blobs in the database of a `distribution` registry, 3.1 or later. To the registry a cached descriptor *is*
 * the access check, so a late write of ours would bring a deleted blob back to life: its keys are read and cleared, never
 * set and never made to expire. It writes its own misses back when the edge asks it. When the edge last confirmed an
 * entry stands in a key of the edge's own; without it an entry counts as unconfirmed.
 *
 *     HASH  registry-edge::<name>::blobs::<digest>   verified, open, cleared
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
      const [member, global, scoped, own] = await redis
        .pipeline()
        .sismember(keys.members, digest)
        .hmget(keys.global(digest), ...GLOBAL_FIELDS)
        .hmget(keys.scoped(digest), 'mediatype')
        .hmget(ownKey(digest), confirmed, 'cleared')
        .exec<[unknown, unknown, unknown, unknown]>();
      const [mediaType] = parseStrings(scoped, 1);
      const [verified, cleared] = parseStrings(own, 2);
      return parseRecord({ member, global, mediaType, verified, cleared });
    },
    async write(_ctx, digests, { verifiedAt }) {
      const write = redis.multi();
      for (const digest of digests) {
        write.hset(ownKey(digest), { [confirmed]: verifiedAt }).expire(ownKey(digest), lifeSeconds);
      }
      await write.exec();
    },
    async clear(_ctx, digest, cleared) {
      // What the registry itself does to clear: `redis.go` of 3.1.
      const [canonical] = await redis
        .multi()
        .hget(keys.global(digest), 'digest')
        .srem(keys.members, digest)
        .del(keys.scoped(digest))
        .hdel(keys.global(digest), ...GLOBAL_FIELDS)
        .hdel(ownKey(digest), 'verified', 'open')
        .hset(ownKey(digest), { cleared })
        .expire(ownKey(digest), lifeSeconds)
        .exec<[unknown, ...unknown[]]>();
      return typeof canonical === 'string' ? canonical : undefined;
    },
  };
}
