import type { Redis } from '@upstash/redis/cloudflare';
import { type Descriptor, type Entry, parseMethod, parseWholeNumber } from '../../oci/descriptor.ts';
import { type Digest, isDigest, parseDigest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { Page } from '../descriptorRecords.ts';
import { type BadRecord, tryParse } from '../faults.ts';
import type { Stored } from '../records.ts';
import type { Clearing } from '../tombstone.ts';
import { GLOBAL_FIELDS, type RedisKeys } from './keys.ts';
import { parseScan, parseStrings, readEach } from './replies.ts';
import { WRITE_TOMBSTONE } from './scripts.ts';

/** How many digests one request has at most: with five commands for each, some 400 KB. */
export const REDIS_BATCH = 500;

/** What the records of one upstream share. */
export interface RedisRecordsOptions {
  readonly redis: Promise<Redis>;
  readonly keys: RedisKeys;
  /** How long a key lives after its last write. */
  readonly lifeMs: number;
  /** The same in whole seconds, rounded up. */
  readonly lifeSeconds: number;
  /** The field that holds when an entry was confirmed: to a caller (`verified`), or to everybody (`open`). */
  readonly confirmedField: 'verified' | 'open';
}

/** The value of a field of a hash; `undefined` and null: there is no such field. */
export type FieldValue = string | null | undefined;

/** The replies from which a record is parsed. */
export interface RecordReplies {
  /** The reply to SISMEMBER. */
  readonly member: unknown;
  /** The values of `GLOBAL_FIELDS`. */
  readonly global: readonly FieldValue[];
  readonly mediaType: FieldValue;
  /** When the entry was confirmed (epoch ms). */
  readonly verified: FieldValue;
  /** For a manifest: the method whose answer gave the media type. */
  readonly witness?: FieldValue;
  /** The tombstones for this repository and for all: entries confirmed until then do not count (epoch ms). */
  readonly tombstones: readonly FieldValue[];
}

/**
 * Parses an entry as `distribution` reads it. It is a miss if the digest is no member, or if digest, size or the
 * repository's media type are missing. If the repository's media type is empty, the global one counts.
 * @throws TypeError the reply is not one of Redis
 */
export function parseRecord(replies: RecordReplies): Stored<Entry> | BadRecord {
  const { member } = replies;
  if (member !== 0 && member !== 1) throw new TypeError('invalid reply to SISMEMBER');
  return tryParse(() => parseFields(member === 1, replies));
}

/** @throws TypeError, RegistryError a stored field is malformed */
function parseFields(
  isMember: boolean,
  { global, mediaType, verified, witness, tombstones }: RecordReplies,
): Stored<Entry> {
  const clearedUntil = Math.max(...tombstones.map((text) => parseNumber(text ?? '0')));
  const globalDescriptor = isMember && mediaType != null ? parseGlobal(global) : undefined;
  if (!globalDescriptor || mediaType == null) return { value: undefined, clearedUntil, isHalfCleared: isMember };
  const descriptor = { ...globalDescriptor, mediaType: mediaType || globalDescriptor.mediaType };
  const method = parseMethod(witness);
  const value = { descriptor, verifiedAt: parseNumber(verified ?? '0'), ...(method && { witness: method }) };
  return { value, clearedUntil };
}

/**
 * Parses a global descriptor; without digest or size there is none.
 * @throws TypeError, RegistryError it is malformed
 */
function parseGlobal([digest, size, mediaType]: readonly FieldValue[]): Descriptor | undefined {
  if (digest == null || size == null) return undefined;
  return { digest: parseDigest(digest), size: parseNumber(size), mediaType: mediaType ?? '' };
}

/** Parses a size or a time. @throws TypeError it is not a whole number */
export function parseNumber(text: string): number {
  const number = parseWholeNumber(text);
  if (number === undefined) throw new TypeError('not a whole number');
  return number;
}

/** Reads the global records of digests. They have no time of confirmation, and no tombstone hides them. */
export async function readGlobal({ redis, keys }: RedisRecordsOptions, links: LinkSet, digests: readonly Digest[]) {
  return readEach(redis, digests, {
    commands: (read, digest) => read.hmget(keys.global(links, digest), ...GLOBAL_FIELDS),
    parse([reply]): Stored<Entry> | BadRecord {
      const fields = parseStrings(reply, GLOBAL_FIELDS.length);
      return tryParse(() => {
        const descriptor = parseGlobal(fields);
        return { value: descriptor && { descriptor, verifiedAt: 0 }, clearedUntil: 0 };
      });
    },
  });
}

/** Reads one page of a membership set. Members that are not digests are skipped, since nobody can request them. */
export async function listMembers(redis: Promise<Redis>, members: string, cursor = '0'): Promise<Page> {
  const page = parseScan(await (await redis).sscan(members, cursor, { count: REDIS_BATCH }));
  return { cursor: page.cursor, digests: page.found.filter(isDigest) };
}

/** Writes a tombstone into a hash to which only the edge writes. @throws TypeError the reply is not one of Redis */
export async function writeTombstoneIn(
  { redis, lifeSeconds }: RedisRecordsOptions,
  key: string,
  until: number,
): Promise<void> {
  const reply: unknown = await (await redis).eval(WRITE_TOMBSTONE, [key], [until, lifeSeconds]);
  if (reply !== 1) throw new TypeError('invalid reply to the write of a tombstone');
}

/**
 * Returns the argument that tells a script which entries to keep: those confirmed `later` than the tombstone, or none.
 */
export function sparesArgument({ sparesLater }: Clearing): string {
  return sparesLater ? 'later' : 'nothing';
}
