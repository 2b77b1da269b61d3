import type { Pipeline, Redis } from '@upstash/redis/cloudflare';
import { type Descriptor, parseWholeNumber } from '../oci/descriptor.ts';
import { type Digest, isDigest, parseDigest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { LinkSet, Page } from './provider.ts';
import { BATCH, type StoredRecord } from './records.ts';

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
    scoped: (digest: Digest) => `${members}::${digest}`,
  };
}

export function globalKey(links: LinkSet, digest: Digest): string {
  return `${links}::${digest}`;
}

/** What records are made with. */
export interface RedisRecordsOptions {
  /** After the last write a key lives this long. */
  readonly lifeSeconds: number;
  /** The field that says when an entry was confirmed: to a caller, or openly. */
  readonly confirmed: 'verified' | 'open';
}

/** Fields of a global hash that are a registry's. */
export const GLOBAL_FIELDS = ['digest', 'size', 'mediatype'] as const;

type Text = string | null | undefined;

export interface Replies {
  /** SISMEMBER */
  readonly member: unknown;
  /** Of `GLOBAL_FIELDS`. */
  readonly global: readonly Text[];
  readonly mediaType: Text;
  /** When the entry was confirmed (epoch ms). */
  readonly verified: Text;
  /** The tombstones of the repository and of all: until when no entry counts (epoch ms). */
  readonly cleared: readonly Text[];
}

/**
 * An entry as `distribution` reads it: no member, no digest, no size or no override is a miss; an empty override is none.
 * @throws TypeError, RegistryError what no setter wrote
 */
export function parseRecord({ member, global, mediaType, verified, cleared }: Replies): StoredRecord {
  if (member !== 0 && member !== 1) throw new TypeError('not a SISMEMBER reply');
  const tombstone = Math.max(...cleared.map((text) => parseNumber(text ?? '0')));
  const known = member === 1 && mediaType != null ? parseGlobal(global) : undefined;
  if (!known || mediaType == null) return { entry: undefined, cleared: tombstone, isHalfCleared: member === 1 };
  const descriptor = { ...known, mediaType: mediaType || known.mediaType };
  return { entry: { descriptor, verifiedAt: parseNumber(verified ?? '0') }, cleared: tombstone };
}

/** A global descriptor; without digest or size there is none. @throws TypeError, RegistryError */
export function parseGlobal([digest, size, mediaType]: readonly Text[]): Descriptor | undefined {
  if (digest == null || size == null) return undefined;
  return { digest: parseDigest(digest), size: parseNumber(size), mediaType: mediaType ?? '' };
}

/**
 * The digest that the first command of a clear read, and that the others were done: something that is not Redis may
 * answer in its place, and a clear that was not done must not look like one.
 * @throws TypeError
 */
export function parseCleared([digest, ...done]: readonly unknown[]): string | undefined {
  if (!done.every((reply) => typeof reply === 'number')) throw new TypeError('not the replies to a clear');
  return typeof digest === 'string' ? digest : undefined;
}

/** The replies of a transaction, one to each command. @throws TypeError */
export function parseDone(replies: unknown, commands: number): readonly unknown[] {
  const isDone = Array.isArray(replies) && replies.length === commands && !replies.includes(undefined);
  if (!isDone) throw new TypeError('not the replies to a transaction');
  return replies;
}

/** The reply of an HMGET of `count` fields; anything else is a fault, never "all absent". */
export function parseStrings(reply: unknown, count: number): readonly (string | null | undefined)[] {
  const fits = (value: unknown) => value === null || typeof value === 'string';
  if (!Array.isArray(reply) || reply.length !== count || !reply.every(fits)) throw new TypeError('not an HMGET reply');
  return reply;
}

/** A size or a time. @throws TypeError */
export function parseNumber(text: string): number {
  const number = parseWholeNumber(text);
  if (number === undefined) throw new TypeError('not a number');
  return number;
}

/** So many digests at most in one request, of five commands for each: some 200 KB. */
export const REDIS_BATCH = 250;

/** The global records of digests, which nobody confirmed and no tombstone hides. */
export async function readGlobal(redis: Redis, links: LinkSet, digests: readonly Digest[]): Promise<StoredRecord[]> {
  const replies = await exec(redis.pipeline(), digests, (read, digest) =>
    read.hmget(globalKey(links, digest), ...GLOBAL_FIELDS),
  );
  return replies.map(([reply]) => {
    const descriptor = parseGlobal(parseStrings(reply, GLOBAL_FIELDS.length));
    return { entry: descriptor && { descriptor, verifiedAt: 0 }, cleared: 0 };
  });
}

/**
 * Sends the same commands for each of the items in one request; for none, nothing is sent.
 * @returns their replies, apart for each item
 * @throws TypeError what answered is not Redis
 */
export async function exec<T>(
  all: Pipeline<[]>,
  items: readonly T[],
  commandsFor: (all: Pipeline<[]>, item: T) => { length(): number },
): Promise<readonly unknown[][]> {
  for (const item of items) commandsFor(all, item);
  const commands = all.length();
  const replies = commands > 0 ? parseDone(await all.exec(), commands) : [];
  const each = commands / items.length;
  return items.map((_, at) => replies.slice(at * each, (at + 1) * each));
}

/** A page of a membership set; what is no digest, nobody asks for. */
export async function listMembers(redis: Redis, members: string, cursor = '0'): Promise<Page> {
  const page = parseScan(await redis.sscan(members, cursor, { count: BATCH }));
  return { cursor: page.cursor, digests: page.found.filter(isDigest) };
}

/** The reply to SCAN or SSCAN. @throws TypeError */
export function parseScan(reply: unknown): { readonly found: readonly string[]; readonly cursor: string | undefined } {
  const [cursor, found]: unknown[] = Array.isArray(reply) ? reply : [];
  const isScan = typeof cursor === 'string' && Array.isArray(found) && found.every((text) => typeof text === 'string');
  if (!isScan) throw new TypeError('not a SCAN reply');
  return { found, cursor: cursor === '0' ? undefined : cursor };
}

/** Leaves a tombstone in a hash of the edge's. */
export async function buryIn(redis: Redis, key: string, cleared: number, lifeSeconds: number): Promise<void> {
  parseDone(await redis.multi().hset(key, { cleared }).expire(key, lifeSeconds).exec(), 2);
}
