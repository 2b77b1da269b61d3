import { Redis } from '@upstash/redis/cloudflare';
import { parseWholeNumber } from '../oci/descriptor.ts';
import { type Digest, parseDigest } from '../oci/digest.ts';
import { type BlobDescriptorCacheProvider, type LinkSet, STORE_TIMEOUT_MS, type StoreOptions } from './provider.ts';
import { createProvider, type StoredRecord } from './records.ts';
import { CLOCK_SKEW_MS } from './tombstone.ts';

/** A repository's membership set is built anew this often, so that it cannot grow forever. */
const MIN_MEMBERSHIP_SECONDS = 24 * 3600;

/**
 * Descriptors in Upstash Redis, in the layout of `distribution` (`registry/storage/cache/redis`): a set per repository
 * tells membership, a hash per digest holds the global descriptor, whose media type the first writer decides, and a
 * hash per repository and digest holds the repository's own media type. Our own fields, when the origin confirmed the
 * entry (`open`: to everybody) and until when none counts, stand in the last, where a registry overlooks them.
 *
 *     SET   repository::<name>::blobs             digests
 *     HASH  blobs::<digest>                       digest, size, mediatype
 *     HASH  repository::<name>::blobs::<digest>   mediatype, verified, open, cleared
 *
 * Manifests have the same three with the word `manifests`. A read is one pipeline, a write one transaction.
 */
export function createRedisProvider(
  { url, token }: { url: string; token: string },
  { retentionMs, isOpen }: StoreOptions,
): BlobDescriptorCacheProvider {
  const redis = new Redis({
    url,
    token,
    // The client's defaults would share pipelines across requests, try six times, wait forever, turn the string
    // "12345" into a number and report on us. A signal that is an object, not a function, would turn a time-out into
    // a null, that is, into a miss.
    enableAutoPipelining: false,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(STORE_TIMEOUT_MS),
    automaticDeserialization: false,
    enableTelemetry: false,
    readYourWrites: false,
  });
  const lifeSeconds = Math.ceil((retentionMs + CLOCK_SKEW_MS) / 1000);
  const confirmed = isOpen ? 'open' : 'verified';
  const membershipSeconds = Math.max(MIN_MEMBERSHIP_SECONDS, 4 * lifeSeconds);

  return createProvider((name, links) => {
    const members = `repository::${name}::${links}`;
    const scopedKey = (digest: Digest) => `${members}::${digest}`;
    return {
      async read(_ctx, digest) {
        const [member, global, scoped] = await redis
          .pipeline()
          .sismember(members, digest)
          .hmget(globalKey(links, digest), 'digest', 'size', 'mediatype')
          .hmget(scopedKey(digest), 'mediatype', confirmed, 'cleared')
          .exec<[unknown, unknown, unknown]>();
        return parseReply(member, strings(global, 3), strings(scoped, 3));
      },
      async write(_ctx, digests, { descriptor, verifiedAt }) {
        const write = redis.multi();
        for (const digest of digests) {
          write
            .sadd(members, digest)
            .hset(globalKey(links, digest), { digest: descriptor.digest, size: descriptor.size })
            .hsetnx(globalKey(links, digest), 'mediatype', descriptor.mediaType)
            .expire(globalKey(links, digest), lifeSeconds)
            .hset(scopedKey(digest), { mediatype: descriptor.mediaType, [confirmed]: verifiedAt })
            .expire(scopedKey(digest), lifeSeconds);
        }
        await write.expire(members, membershipSeconds, 'NX').exec();
      },
      async clear(_ctx, digest, cleared) {
        const [canonical] = await redis
          .multi()
          .hget(globalKey(links, digest), 'digest')
          .srem(members, digest)
          .hdel(scopedKey(digest), 'mediatype', 'verified', 'open')
          .hset(scopedKey(digest), { cleared })
          .expire(scopedKey(digest), lifeSeconds)
          .exec<[unknown, ...unknown[]]>();
        return typeof canonical === 'string' ? canonical : undefined;
      },
    };
  });
}

function globalKey(links: LinkSet, digest: Digest): string {
  return `${links}::${digest}`;
}

type Strings = readonly (string | null | undefined)[];

/** The reply of an HMGET of `count` fields; anything else is a fault, never "all absent". */
function strings(reply: unknown, count: number): Strings {
  const fits = (value: unknown) => value === null || typeof value === 'string';
  if (!Array.isArray(reply) || reply.length !== count || !reply.every(fits)) throw new TypeError('not an HMGET reply');
  return reply;
}

/** As `distribution` reads it: no member, no digest, no size or no override is a miss; an empty override is none. */
function parseReply(member: unknown, global: Strings, scoped: Strings): StoredRecord {
  if (member !== 0 && member !== 1) throw new TypeError('not a SISMEMBER reply');
  const [digest, size, globalMediaType] = global;
  const [scopedMediaType, verified, cleared] = scoped;
  const tombstone = parseNumber(cleared ?? '0');
  if (member === 0 || digest == null || size == null || scopedMediaType == null) {
    return { entry: undefined, cleared: tombstone };
  }
  const descriptor = {
    digest: parseDigest(digest),
    size: parseNumber(size),
    mediaType: scopedMediaType || (globalMediaType ?? ''),
  };
  return { entry: { descriptor, verifiedAt: parseNumber(verified ?? '0') }, cleared: tombstone };
}

function parseNumber(text: string): number {
  const number = parseWholeNumber(text);
  if (number === undefined) throw new TypeError('not a number');
  return number;
}
