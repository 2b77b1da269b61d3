import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { DescriptorRecords, RepositoryRecords } from '../descriptorRecords.ts';
import type { Store } from '../store.ts';
import { GLOBAL_FIELDS } from './keys.ts';
import {
  type FieldValue,
  listMembers,
  parseRecord,
  REDIS_BATCH,
  type RedisRecordsOptions,
  readGlobal,
  sparesArgument,
  writeTombstoneIn,
} from './records.ts';
import { parseNamedDigests, parseStrings, parseTransaction, readEach } from './replies.ts';
import { CLEAR_GLOBAL, CLEAR_OWN } from './scripts.ts';
import { sharedGlobalRecords, sharedRecords } from './sharedDescriptors.ts';

/** A membership set expires at the earliest after this time and is rebuilt, so that it cannot grow forever. */
const MIN_MEMBERSHIP_SECONDS = 24 * 3600;

/**
 * Stores descriptors in Upstash Redis, in the layout of `distribution`. A read is one pipeline, a write one
 * transaction, and a clear one script.
 * @param isShared `REDIS_SHARED`: whether the database belongs to a registry, which writes the keys of blobs itself
 */
export function createRedisDescriptors(
  options: RedisRecordsOptions,
  isShared: boolean,
): Pick<Store, 'descriptors' | 'globals'> {
  // A registry does not write the keys of manifests, so those belong to the edge in any database.
  const belongsToRegistry = (links: LinkSet) => isShared && links === 'blobs';
  return {
    descriptors: (name, links) =>
      belongsToRegistry(links) ? sharedRecords(options, name) : ownRecords(options, name, links),
    globals: (links) => (belongsToRegistry(links) ? sharedGlobalRecords(options) : ownGlobalRecords(options, links)),
  };
}

/**
 * The records of a repository in a database of the edge's own. The repository's hash also holds when the origin
 * confirmed the entry, and the tombstone; a registry ignores these fields. Every key expires.
 */
function ownRecords(options: RedisRecordsOptions, name: RepositoryName, links: LinkSet): RepositoryRecords {
  const { redis, keys, lifeSeconds, confirmedField } = options;
  const members = keys.members(name, links);
  const scopedKey = (digest: Digest) => keys.scoped(name, links, digest);
  const globalKey = (digest: Digest) => keys.global(links, digest);
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
            .hmget(globalKey(digest), ...GLOBAL_FIELDS, 'cleared')
            .hmget(scopedKey(digest), 'mediatype', confirmedField, 'cleared', 'told', 'toldtype'),
        parse([member, global, scoped]) {
          const [digest, size, globalType, clearedForAll] = parseStrings(global, GLOBAL_FIELDS.length + 1);
          const [mediaType, verified, cleared, told, toldType] = parseStrings(scoped, 5);
          const witness = links === 'manifests' ? witnessOf(told, toldType, mediaType) : undefined;
          return parseRecord({
            member,
            global: [digest, size, globalType],
            mediaType,
            verified,
            witness,
            tombstones: [cleared, clearedForAll],
          });
        },
      }),
    async write(_ctx, digests, { descriptor, verifiedAt, witness = '' }) {
      // Only manifests have the fields of a witness.
      const told = links === 'manifests' && { told: witness, toldtype: descriptor.mediaType };
      const write = (await redis).multi();
      for (const digest of digests) {
        write
          .sadd(members, digest)
          .hset(globalKey(digest), { digest: descriptor.digest, size: descriptor.size })
          .hsetnx(globalKey(digest), 'mediatype', descriptor.mediaType)
          .expire(globalKey(digest), lifeSeconds)
          .hset(scopedKey(digest), { mediatype: descriptor.mediaType, [confirmedField]: verifiedAt, ...told })
          .expire(scopedKey(digest), lifeSeconds);
      }
      write.expire(members, Math.max(MIN_MEMBERSHIP_SECONDS, 4 * lifeSeconds), 'NX');
      parseTransaction(await write.exec(), 6 * digests.size + 1);
    },
    writeTombstone: (_ctx, digest, { until }) => writeTombstoneIn(options, scopedKey(digest), until),
    async clear(_ctx, digests, clearing) {
      const all = [members, ...digests.flatMap((digest) => [globalKey(digest), scopedKey(digest)])];
      const args = [clearing.until, lifeSeconds, sparesArgument(clearing), ...digests];
      return parseNamedDigests(await (await redis).eval(CLEAR_OWN, all, args), digests.length);
    },
    list: (_ctx, cursor) => listMembers(redis, members, cursor),
  };
}

/**
 * Returns the method whose answer gave the media type. A version of the edge that does not know the field `told` writes
 * `mediatype` alone, and the method is unknown then. HEAD stands in for it, since a media type from a HEAD is trusted
 * least.
 * @param told the method that the field names
 * @param toldType the media type to which `told` refers
 */
function witnessOf(told: FieldValue, toldType: FieldValue, mediaType: FieldValue): FieldValue {
  return toldType == null || toldType === mediaType ? told : 'HEAD';
}

/** The global records in a database of the edge's own; a registry ignores the tombstone in them. */
function ownGlobalRecords(options: RedisRecordsOptions, links: LinkSet): DescriptorRecords {
  const { redis, keys, lifeSeconds } = options;
  const globalKey = (digest: Digest) => keys.global(links, digest);
  return {
    read: (_ctx, digests) => readGlobal(options, links, digests),
    async write(_ctx, digests, { descriptor }) {
      const write = (await redis).multi();
      for (const digest of digests) {
        write
          .hset(globalKey(digest), { digest: descriptor.digest, size: descriptor.size })
          .hsetnx(globalKey(digest), 'mediatype', descriptor.mediaType)
          .expire(globalKey(digest), lifeSeconds);
      }
      parseTransaction(await write.exec(), 3 * digests.size);
    },
    writeTombstone: (_ctx, digest, { until }) => writeTombstoneIn(options, globalKey(digest), until),
    async clear(_ctx, digests, { until }) {
      const all = digests.flatMap((digest) => [globalKey(digest), globalKey(digest)]);
      return parseNamedDigests(await (await redis).eval(CLEAR_GLOBAL, all, [until, lifeSeconds]), digests.length);
    },
  };
}
