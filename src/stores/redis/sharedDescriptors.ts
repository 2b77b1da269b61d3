import { delay } from '../../async.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { DescriptorRecords, RepositoryRecords } from '../descriptorRecords.ts';
import { GLOBAL_FIELDS } from './keys.ts';
import {
  listMembers,
  parseRecord,
  REDIS_BATCH,
  type RedisRecordsOptions,
  readGlobal,
  sparesArgument,
  writeTombstoneIn,
} from './records.ts';
import { parseNamedDigests, parseStrings, parseTransaction, readEach } from './replies.ts';
import { CLEAR_GLOBAL, CLEAR_SHARED } from './scripts.ts';

/**
 * Every clear is repeated after this time. A registry writes back what a HEAD found without checking whether one of its
 * own deletes has come in between, and so could undo the first clear.
 */
const SECOND_CLEAR_MS = 1_000;

/**
 * The records of a repository's blobs in the database of a `distribution` registry, 3.1 or later. To the registry a
 * cached descriptor *is* the access check, so a late write by the edge would bring a deleted blob back to life. The
 * edge therefore reads and clears the registry's keys, but never sets them and never makes them expire. After a miss
 * the registry itself writes the entry, when the edge asks it. A key of the edge's own holds when the origin last
 * confirmed an entry; without that key, the entry counts as unconfirmed.
 *
 *     HASH  registry-edge::<name>::blobs::<digest>   verified, open, cleared
 *     HASH  registry-edge::blobs::<digest>           cleared, for all repositories
 */
export function sharedRecords(options: RedisRecordsOptions, name: RepositoryName): RepositoryRecords {
  const { redis, keys, lifeSeconds, confirmedField } = options;
  const members = keys.members(name, 'blobs');
  const scopedKey = (digest: Digest) => keys.scoped(name, 'blobs', digest);
  const ownKey = (digest: Digest) => keys.ownScoped(name, digest);
  return {
    batch: REDIS_BATCH,
    clearPresent: undefined,
    clearAll: undefined,
    hide: undefined,
    read: (_ctx, digests) =>
      readEach(redis, digests, {
        commands: (read, digest) =>
          read
            .sismember(members, digest)
            .hmget(keys.global('blobs', digest), ...GLOBAL_FIELDS)
            .hmget(scopedKey(digest), 'mediatype')
            .hmget(ownKey(digest), confirmedField, 'cleared')
            .hmget(keys.ownGlobal(digest), 'cleared'),
        parse([member, global, scoped, own, forAll]) {
          const [mediaType] = parseStrings(scoped, 1);
          const [verified, cleared] = parseStrings(own, 2);
          const [clearedForAll] = parseStrings(forAll, 1);
          const fields = parseStrings(global, GLOBAL_FIELDS.length);
          return parseRecord({ member, global: fields, mediaType, verified, tombstones: [cleared, clearedForAll] });
        },
      }),
    async write(_ctx, digests, { verifiedAt }) {
      const write = (await redis).multi();
      for (const digest of digests) {
        write.hset(ownKey(digest), { [confirmedField]: verifiedAt }).expire(ownKey(digest), lifeSeconds);
      }
      parseTransaction(await write.exec(), 2 * digests.size);
    },
    writeTombstone: (_ctx, digest, { until }) => writeTombstoneIn(options, ownKey(digest), until),
    async clear(ctx, digests, clearing) {
      const keysFor = (digest: Digest) => [
        ...[keys.global('blobs', digest), scopedKey(digest)],
        ...[ownKey(digest), keys.ownGlobal(digest)],
      ];
      const args = [clearing.until, lifeSeconds, sparesArgument(clearing), ...digests];
      const clear = async () => (await redis).eval(CLEAR_SHARED, [members, ...digests.flatMap(keysFor)], args);
      const reply = await clear();
      ctx.waitUntil(delay(SECOND_CLEAR_MS).then(clear));
      return parseNamedDigests(reply, digests.length);
    },
    list: (_ctx, cursor) => listMembers(redis, members, cursor),
  };
}

/** The global records in a registry's database: the edge reads and clears them, but never sets them. */
export function sharedGlobalRecords(options: RedisRecordsOptions): DescriptorRecords {
  const { redis, keys, lifeSeconds } = options;
  return {
    read: (_ctx, digests) => readGlobal(options, 'blobs', digests),
    async write() {},
    writeTombstone: (_ctx, digest, { until }) => writeTombstoneIn(options, keys.ownGlobal(digest), until),
    async clear(_ctx, digests, { until }) {
      const all = digests.flatMap((digest) => [keys.global('blobs', digest), keys.ownGlobal(digest)]);
      return parseNamedDigests(await (await redis).eval(CLEAR_GLOBAL, all, [until, lifeSeconds]), digests.length);
    },
  };
}
