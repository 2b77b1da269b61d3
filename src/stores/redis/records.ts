import type { Redis } from '@upstash/redis/cloudflare';
import { type Descriptor, parseMethod, parseWholeNumber } from '../../oci/descriptor.ts';
import { type Digest, isDigest, parseDigest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import { type BadRecord, tryParse } from '../faults.ts';
import type { Page, StoredRecord } from '../records.ts';
import type { Clearing } from '../tombstone.ts';
import { GLOBAL_FIELDS, globalKey } from './keys.ts';
import { parseScan, parseStrings, readEach } from './replies.ts';
import { WRITE_TOMBSTONE } from './scripts.ts';

/** So many digests in one request, of five commands for each: some 400 KB. */
export const REDIS_BATCH = 500;

/** What records are made with. */
export interface RedisRecordsOptions {
  /** After the last write a key lives this long. */
  readonly lifeSeconds: number;
  /** The field that says when an entry was confirmed: to a caller, or openly. */
  readonly confirmed: 'verified' | 'open';
}

/** A field of a hash; `undefined` and null: there is none. */
export type Text = string | null | undefined;

export interface Replies {
  /** SISMEMBER */
  readonly member: unknown;
  /** Of `GLOBAL_FIELDS`. */
  readonly global: readonly Text[];
  readonly mediaType: Text;
  /** When the entry was confirmed (epoch ms). */
  readonly verified: Text;
  /** Of a manifest: the method whose answer told the media type. */
  readonly witness?: Text;
  /** The tombstones of the repository and of all: until when no entry counts (epoch ms). */
  readonly cleared: readonly Text[];
}

/**
 * An entry as `distribution` reads it: no member, no digest, no size or no override is a miss; an empty override is none.
 * @throws TypeError what answered is not Redis
 */
export function parseRecord(replies: Replies): StoredRecord | BadRecord {
  const { member } = replies;
  if (member !== 0 && member !== 1) throw new TypeError('not a SISMEMBER reply');
  return tryParse(() => parseFields(member === 1, replies));
}

/** @throws TypeError, RegistryError what no setter wrote */
function parseFields(isMember: boolean, { global, mediaType, verified, witness, cleared }: Replies): StoredRecord {
  const tombstone = Math.max(...cleared.map((text) => parseNumber(text ?? '0')));
  const known = isMember && mediaType != null ? parseGlobal(global) : undefined;
  if (!known || mediaType == null) return { entry: undefined, cleared: tombstone, isHalfCleared: isMember };
  const descriptor = { ...known, mediaType: mediaType || known.mediaType };
  const method = parseMethod(witness);
  const entry = { descriptor, verifiedAt: parseNumber(verified ?? '0'), ...(method && { witness: method }) };
  return { entry, cleared: tombstone };
}

/** A global descriptor; without digest or size there is none. @throws TypeError, RegistryError */
export function parseGlobal([digest, size, mediaType]: readonly Text[]): Descriptor | undefined {
  if (digest == null || size == null) return undefined;
  return { digest: parseDigest(digest), size: parseNumber(size), mediaType: mediaType ?? '' };
}

/** A size or a time. @throws TypeError */
export function parseNumber(text: string): number {
  const number = parseWholeNumber(text);
  if (number === undefined) throw new TypeError('not a number');
  return number;
}

/** The global records of digests, which nobody confirmed and no tombstone hides. */
export async function readGlobal(redis: Redis, links: LinkSet, digests: readonly Digest[]) {
  return readEach(redis, digests, {
    commands: (read, digest) => read.hmget(globalKey(links, digest), ...GLOBAL_FIELDS),
    parse([reply]): StoredRecord | BadRecord {
      const fields = parseStrings(reply, GLOBAL_FIELDS.length);
      return tryParse(() => {
        const descriptor = parseGlobal(fields);
        return { entry: descriptor && { descriptor, verifiedAt: 0 }, cleared: 0 };
      });
    },
  });
}

/** A page of a membership set; what is no digest, nobody asks for. */
export async function listMembers(redis: Redis, members: string, cursor = '0'): Promise<Page> {
  const page = parseScan(await redis.sscan(members, cursor, { count: REDIS_BATCH }));
  return { cursor: page.cursor, digests: page.found.filter(isDigest) };
}

/** Leaves a tombstone in a hash of the edge's. @throws TypeError what answered is not Redis */
export async function writeTombstoneIn(redis: Redis, key: string, until: number, lifeSeconds: number): Promise<void> {
  const reply: unknown = await redis.eval(WRITE_TOMBSTONE, [key], [until, lifeSeconds]);
  if (reply !== 1) throw new TypeError('not the reply to a write of a tombstone');
}

/** What a script does with entries that were confirmed after its tombstone. */
export function spares({ sparesLater }: Clearing): string {
  return sparesLater ? 'later' : 'nothing';
}
