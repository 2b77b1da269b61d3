import type { Redis } from '@upstash/redis/cloudflare';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { StoreOptions } from '../options.ts';
import type { DescriptorRecords, Records, RepositoryRecords } from '../records.ts';
import { CLOCK_SKEW_MS } from '../tombstone.ts';
import { GLOBAL_FIELDS, globalKey, repositoryKeys } from './keys.ts';
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
  redis: Redis,
  { retentionMs, maxClearedForMs = CLOCK_SKEW_MS, isOpen }: StoreOptions,
  isShared = false,
): DescriptorRecords {
  const options: RedisRecordsOptions = {
    lifeSeconds: Math.ceil((retentionMs + maxClearedForMs) / 1000),
    confirmedField: isOpen ? 'open' : 'verified',
  };
  // A registry does not write the keys of manifests, so those belong to the edge in any database.
  const belongsToRegistry = (links: LinkSet) => isShared && links === 'blobs';
  return {
    repositoryScoped: (name, links) =>
      belongsToRegistry(links) ? sharedRecords(redis, name, options) : ownRecords(redis, name, links, options),
    unscoped: (links) =>
      belongsToRegistry(links) ? sharedGlobalRecords(redis, options) : ownGlobalRecords(redis, links, options),
  };
}

/**
 * The records of a repository in a database of the edge's own. The repository's hash also holds when the origin
 * confirmed the entry, and the tombstone; a registry ignores these fields. Every key expires.
 */
function ownRecords(
  redis: Redis,
  name: RepositoryName,
  links: LinkSet,
  { lifeSeconds, confirmedField }: RedisRecordsOptions,
): RepositoryRecords {
  const keys = repositoryKeys(name, links);
  return {
    batch: REDIS_BATCH,
    read: (_ctx, digests) =>
      readEach(redis, digests, {
        commands: (read, digest) =>
          read
            .sismember(keys.members, digest)
            .hmget(globalKey(links, digest), ...GLOBAL_FIELDS, 'cleared')
            .hmget(keys.scoped(digest), 'mediatype', confirmedField, 'cleared', 'told', 'toldtype'),
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
      const write = redis.multi();
      for (const digest of digests) {
        write
          .sadd(keys.members, digest)
          .hset(globalKey(links, digest), { digest: descriptor.digest, size: descriptor.size })
          .hsetnx(globalKey(links, digest), 'mediatype', descriptor.mediaType)
          .expire(globalKey(links, digest), lifeSeconds)
          .hset(keys.scoped(digest), { mediatype: descriptor.mediaType, [confirmedField]: verifiedAt, ...told })
          .expire(keys.scoped(digest), lifeSeconds);
      }
      write.expire(keys.members, Math.max(MIN_MEMBERSHIP_SECONDS, 4 * lifeSeconds), 'NX');
      parseTransaction(await write.exec(), 6 * digests.size + 1);
    },
    writeTombstone: (_ctx, digest, until) => writeTombstoneIn(redis, keys.scoped(digest), until, lifeSeconds),
    async clear(_ctx, digests, clearing) {
      const all = [keys.members, ...digests.flatMap((digest) => [globalKey(links, digest), keys.scoped(digest)])];
      const args = [clearing.until, lifeSeconds, sparesArgument(clearing), ...digests];
      return parseNamedDigests(await redis.eval(CLEAR_OWN, all, args), digests.length);
    },
    list: (_ctx, cursor) => listMembers(redis, keys.members, cursor),
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
function ownGlobalRecords(redis: Redis, links: LinkSet, { lifeSeconds }: RedisRecordsOptions): Records {
  return {
    read: (_ctx, digests) => readGlobal(redis, links, digests),
    async write(_ctx, digests, { descriptor }) {
      const write = redis.multi();
      for (const digest of digests) {
        write
          .hset(globalKey(links, digest), { digest: descriptor.digest, size: descriptor.size })
          .hsetnx(globalKey(links, digest), 'mediatype', descriptor.mediaType)
          .expire(globalKey(links, digest), lifeSeconds);
      }
      parseTransaction(await write.exec(), 3 * digests.size);
    },
    writeTombstone: (_ctx, digest, until) => writeTombstoneIn(redis, globalKey(links, digest), until, lifeSeconds),
    async clear(_ctx, digests, { until }) {
      const all = digests.flatMap((digest) => [globalKey(links, digest), globalKey(links, digest)]);
      return parseNamedDigests(await redis.eval(CLEAR_GLOBAL, all, [until, lifeSeconds]), digests.length);
    },
  };
}
