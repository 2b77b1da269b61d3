import type { Redis } from '@upstash/redis/cloudflare';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { StoreOptions } from '../options.ts';
import type { DescriptorRecords, Records, RepositoryRecords } from '../records.ts';
import { CLOCK_SKEW_MS } from '../tombstone.ts';
import { GLOBAL_FIELDS, globalKey, keysOf } from './keys.ts';
import {
  listMembers,
  parseRecord,
  REDIS_BATCH,
  type RedisRecordsOptions,
  readGlobal,
  spares,
  type Text,
  writeTombstoneIn,
} from './records.ts';
import { parseDone, parseNamed, parseStrings, readEach } from './replies.ts';
import { CLEAR_GLOBAL, CLEAR_OWN } from './scripts.ts';
import { sharedGlobalRecords, sharedRecords } from './sharedDescriptors.ts';

/** A repository's membership set is built anew this often, so that it cannot grow forever. */
const MIN_MEMBERSHIP_SECONDS = 24 * 3600;

/**
 * Descriptors in Upstash Redis, in the layout of `distribution`. A read is one pipeline, a write one transaction, a clear
 * one script.
 * @param isShared `REDIS_SHARED`: the database belongs to a registry, which writes the blobs' keys itself
 */
export function createRedisDescriptors(
  redis: Redis,
  { retentionMs, maxClearedForMs = CLOCK_SKEW_MS, isOpen }: StoreOptions,
  isShared = false,
): DescriptorRecords {
  const options: RedisRecordsOptions = {
    lifeSeconds: Math.ceil((retentionMs + maxClearedForMs) / 1000),
    confirmed: isOpen ? 'open' : 'verified',
  };
  // A registry writes no keys of ours for manifests, so those are the edge's own in any database.
  const isTheirs = (links: LinkSet) => isShared && links === 'blobs';
  return {
    repositoryScoped: (name, links) =>
      isTheirs(links) ? sharedRecords(redis, name, options) : ownRecords(redis, name, links, options),
    unscoped: (links) =>
      isTheirs(links) ? sharedGlobalRecords(redis, options) : ownGlobalRecords(redis, links, options),
  };
}

/**
 * Records in a database of the edge's own. When the origin confirmed an entry and until when none counts stand in the
 * repository's hash, where a registry overlooks them; every key expires.
 */
function ownRecords(
  redis: Redis,
  name: RepositoryName,
  links: LinkSet,
  { lifeSeconds, confirmed }: RedisRecordsOptions,
): RepositoryRecords {
  const keys = keysOf(name, links);
  return {
    batch: REDIS_BATCH,
    read: (_ctx, digests) =>
      readEach(redis, digests, {
        commands: (read, digest) =>
          read
            .sismember(keys.members, digest)
            .hmget(globalKey(links, digest), ...GLOBAL_FIELDS, 'cleared')
            .hmget(keys.scoped(digest), 'mediatype', confirmed, 'cleared', 'told', 'toldtype'),
        parse([member, global, scoped]) {
          const [...known] = parseStrings(global, 4);
          const clearedForAll = known.pop();
          const [mediaType, verified, cleared, told, toldType] = parseStrings(scoped, 5);
          const witness = links === 'manifests' ? witnessOf(told, toldType, mediaType) : undefined;
          return parseRecord({
            member,
            global: known,
            mediaType,
            verified,
            witness,
            cleared: [cleared, clearedForAll],
          });
        },
      }),
    async write(_ctx, digests, { descriptor, verifiedAt, witness = '' }) {
      // Blobs have no field that says it.
      const told = links === 'manifests' && { told: witness, toldtype: descriptor.mediaType };
      const write = redis.multi();
      for (const digest of digests) {
        write
          .sadd(keys.members, digest)
          .hset(globalKey(links, digest), { digest: descriptor.digest, size: descriptor.size })
          .hsetnx(globalKey(links, digest), 'mediatype', descriptor.mediaType)
          .expire(globalKey(links, digest), lifeSeconds)
          .hset(keys.scoped(digest), { mediatype: descriptor.mediaType, [confirmed]: verifiedAt, ...told })
          .expire(keys.scoped(digest), lifeSeconds);
      }
      write.expire(keys.members, Math.max(MIN_MEMBERSHIP_SECONDS, 4 * lifeSeconds), 'NX');
      parseDone(await write.exec(), 6 * digests.size + 1);
    },
    writeTombstone: (_ctx, digest, until) => writeTombstoneIn(redis, keys.scoped(digest), until, lifeSeconds),
    async clear(_ctx, digests, clearing) {
      const all = [keys.members, ...digests.flatMap((digest) => [globalKey(links, digest), keys.scoped(digest)])];
      const args = [clearing.until, lifeSeconds, spares(clearing), ...digests];
      return parseNamed(await redis.eval(CLEAR_OWN, all, args), digests.length);
    },
    list: (_ctx, cursor) => listMembers(redis, keys.members, cursor),
  };
}

/**
 * Which method told the media type. A build that knows nothing of this writes `mediatype` alone, over what another answer
 * told: nobody knows which one told that, and what a HEAD told is relied on least.
 * @param toldType the media type that `told` is about
 */
function witnessOf(told: Text, toldType: Text, mediaType: Text): Text {
  return toldType == null || toldType === mediaType ? told : 'HEAD';
}

/** The global records of an own database; a registry overlooks the tombstone in them. */
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
      parseDone(await write.exec(), 3 * digests.size);
    },
    writeTombstone: (_ctx, digest, until) => writeTombstoneIn(redis, globalKey(links, digest), until, lifeSeconds),
    async clear(_ctx, digests, { until }) {
      const all = digests.flatMap((digest) => [globalKey(links, digest), globalKey(links, digest)]);
      return parseNamed(await redis.eval(CLEAR_GLOBAL, all, [until, lifeSeconds]), digests.length);
    },
  };
}
