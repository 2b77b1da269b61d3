import type { Redis } from '@upstash/redis/cloudflare';
import { delay } from '../../async.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { Records, RepositoryRecords } from '../records.ts';
import { GLOBAL_FIELDS, globalKey, keysOf } from './keys.ts';
import {
  listMembers,
  parseRecord,
  REDIS_BATCH,
  type RedisRecordsOptions,
  readGlobal,
  spares,
  writeTombstoneIn,
} from './records.ts';
import { parseDone, parseNamed, parseStrings, readEach } from './replies.ts';
import { CLEAR_GLOBAL, CLEAR_SHARED } from './scripts.ts';

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
): RepositoryRecords {
  const keys = keysOf(name, 'blobs');
  const ownKey = (digest: Digest) => `registry-edge::${name}::blobs::${digest}`;
  return {
    batch: REDIS_BATCH,
    read: (_ctx, digests) =>
      readEach(redis, digests, {
        commands: (read, digest) =>
          read
            .sismember(keys.members, digest)
            .hmget(globalKey('blobs', digest), ...GLOBAL_FIELDS)
            .hmget(keys.scoped(digest), 'mediatype')
            .hmget(ownKey(digest), confirmed, 'cleared')
            .hmget(ownGlobalKey(digest), 'cleared'),
        parse([member, global, scoped, own, forAll]) {
          const [mediaType] = parseStrings(scoped, 1);
          const [verified, cleared] = parseStrings(own, 2);
          const [clearedForAll] = parseStrings(forAll, 1);
          const known = parseStrings(global, GLOBAL_FIELDS.length);
          return parseRecord({ member, global: known, mediaType, verified, cleared: [cleared, clearedForAll] });
        },
      }),
    async write(_ctx, digests, { verifiedAt }) {
      const write = redis.multi();
      for (const digest of digests) {
        write.hset(ownKey(digest), { [confirmed]: verifiedAt }).expire(ownKey(digest), lifeSeconds);
      }
      parseDone(await write.exec(), 2 * digests.size);
    },
    writeTombstone: (_ctx, digest, until) => writeTombstoneIn(redis, ownKey(digest), until, lifeSeconds),
    async clear(ctx, digests, clearing) {
      const keysFor = (digest: Digest) => [
        ...[globalKey('blobs', digest), keys.scoped(digest)],
        ...[ownKey(digest), ownGlobalKey(digest)],
      ];
      const args = [clearing.until, lifeSeconds, spares(clearing), ...digests];
      const clear = () => redis.eval(CLEAR_SHARED, [keys.members, ...digests.flatMap(keysFor)], args);
      const reply = await clear();
      ctx.waitUntil(delay(SECOND_CLEAR_MS).then(clear));
      return parseNamed(reply, digests.length);
    },
    list: (_ctx, cursor) => listMembers(redis, keys.members, cursor),
  };
}

/** The global records of a registry's database: read and cleared, never set. */
export function sharedGlobalRecords(redis: Redis, { lifeSeconds }: RedisRecordsOptions): Records {
  return {
    read: (_ctx, digests) => readGlobal(redis, 'blobs', digests),
    async write() {},
    writeTombstone: (_ctx, digest, until) => writeTombstoneIn(redis, ownGlobalKey(digest), until, lifeSeconds),
    async clear(_ctx, digests, { until }) {
      const all = digests.flatMap((digest) => [globalKey('blobs', digest), ownGlobalKey(digest)]);
      return parseNamed(await redis.eval(CLEAR_GLOBAL, all, [until, lifeSeconds]), digests.length);
    },
  };
}

function ownGlobalKey(digest: Digest): string {
  return `registry-edge::blobs::${digest}`;
}
