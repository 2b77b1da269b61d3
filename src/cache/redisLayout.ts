import { parseWholeNumber } from '../oci/descriptor.ts';
import { type Digest, parseDigest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { LinkSet } from './provider.ts';
import type { StoredRecord } from './records.ts';

/**
 * The keys of `distribution` (`registry/storage/cache/redis`): a set per repository tells membership, a hash per digest
 * holds the global descriptor, whose media type the first writer decides, and a hash per repository and digest holds the
 * repository's own media type. Manifests, which a registry keeps among the blobs, have the same three under a word of
 * their own.
 *
 *     SET   repository::<name>::blobs             digests
 *     HASH  blobs::<digest>                       digest, size, mediatype
 *     HASH  repository::<name>::blobs::<digest>   mediatype
 */
export function keysOf(name: RepositoryName, links: LinkSet) {
  const members = `repository::${name}::${links}`;
  return {
    members,
    global: (digest: Digest) => `${links}::${digest}`,
    scoped: (digest: Digest) => `${members}::${digest}`,
  };
}

/** What the records of a repository are made with. */
export interface RedisRecordsOptions {
  /** After the last write a key lives this long. */
  readonly lifeSeconds: number;
  /** The field that says when an entry was confirmed: to a caller, or openly. */
  readonly confirmed: 'verified' | 'open';
}

/** Fields of a global hash, as they are read. */
export const GLOBAL_FIELDS = ['digest', 'size', 'mediatype'] as const;

export interface Replies {
  /** SISMEMBER */
  readonly member: unknown;
  /** HMGET of `GLOBAL_FIELDS` */
  readonly global: unknown;
  readonly mediaType: string | null | undefined;
  /** When the entry was confirmed, and until when none counts, epoch ms. */
  readonly verified: string | null | undefined;
  readonly cleared: string | null | undefined;
}

/**
 * An entry as `distribution` reads it: no member, no digest, no size or no override is a miss; an empty override is none.
 * @throws TypeError, RegistryError what no setter wrote
 */
export function parseRecord({ member, global, mediaType, verified, cleared }: Replies): StoredRecord {
  if (member !== 0 && member !== 1) throw new TypeError('not a SISMEMBER reply');
  const [digest, size, globalMediaType] = parseStrings(global, GLOBAL_FIELDS.length);
  const tombstone = parseNumber(cleared ?? '0');
  if (member === 0 || digest == null || size == null || mediaType == null) {
    return { entry: undefined, cleared: tombstone, isHalfCleared: member === 1 };
  }
  const descriptor = {
    digest: parseDigest(digest),
    size: parseNumber(size),
    mediaType: mediaType || (globalMediaType ?? ''),
  };
  return { entry: { descriptor, verifiedAt: parseNumber(verified ?? '0') }, cleared: tombstone };
}

/** The reply of an HMGET of `count` fields; anything else is a fault, never "all absent". */
export function parseStrings(reply: unknown, count: number): readonly (string | null | undefined)[] {
  const fits = (value: unknown) => value === null || typeof value === 'string';
  if (!Array.isArray(reply) || reply.length !== count || !reply.every(fits)) throw new TypeError('not an HMGET reply');
  return reply;
}

function parseNumber(text: string): number {
  const number = parseWholeNumber(text);
  if (number === undefined) throw new TypeError('not a number');
  return number;
}
