import { lru } from 'tiny-lru';
import { allDone, batchesOf, eachInTurn } from '../../async.ts';
import { checkEntry, type Entry, isWholeNumber, parseMethod } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { RepositoryRecords } from '../descriptorRecords.ts';
import { BadRecord, tryParse } from '../faults.ts';
import type { StoreOptions } from '../options.ts';
import type { Stored } from '../records.ts';
import type { Store } from '../store.ts';
import { withTimeout } from '../timeout.ts';
import { CACHE_TTL_SECONDS, type DescriptorNamespace, kvExpiration } from './namespace.ts';

/** KV reads at most 100 keys in one request, and each digest has two. */
const BATCH = 50;
/** How many of its own tombstones an isolate remembers, since KV may not show them for a while. */
const MAX_WRITTEN = 1_000;
/** A Worker has six connections at a time. An operation that had to wait for one would exceed its time limit. */
const AT_ONCE = 5;

/**
 * Stores descriptors in Workers KV: one self-contained value per link set, repository and digest, with the tombstone
 * under a key of its own, since KV can neither change two keys together nor update a value in place. One bulk get reads
 * both.
 *
 * KV may take a minute or more to show a write in other places, and caches misses as long. A miss only means that the
 * origin has to be asked.
 *
 * Which of two tombstones reaches farther is decided here, by comparing what KV shows with what this isolate wrote,
 * which KV may not show yet. The farther one also hides entries, so that an isolate never answers what it cleared. If
 * two places write at the same time, the last write wins.
 * @param prefix of every key
 */
export function createKvDescriptors(
  namespace: DescriptorNamespace,
  prefix: string,
  { retentionMs, maxClearedForMs, askedAs }: StoreOptions,
): Store['descriptors'] {
  const expiration = kvExpiration(retentionMs + maxClearedForMs);
  const writtenTombstones = lru<number>(MAX_WRITTEN);
  /** Until when entries are hidden that KV may not show yet, by the tombstone's key. Other isolates see them. */
  const hiddenUntil = lru<number>(MAX_WRITTEN);

  return (name: RepositoryName, links: LinkSet): RepositoryRecords => {
    const entryPrefix = `${prefix}${askedAs === 'nobody' ? 'open::' : ''}`;
    const entryKey = (digest: Digest | '') => `${entryPrefix}${links}::${name}::${digest}`;
    const tombstoneKey = (digest: Digest) => `${prefix}cleared::${links}::${name}::${digest}`;

    function readTexts(keys: string[]): Promise<Map<string, string | null>> {
      return withTimeout(namespace.get(keys, { type: 'text', cacheTtl: CACHE_TTL_SECONDS }));
    }

    /** Returns the tombstone: the farther one of what KV shows and what this isolate wrote. @throws TypeError */
    function tombstoneOf(digest: Digest, text: string | null | undefined): number {
      return Math.max(parseTombstone(text), writtenTombstones.get(tombstoneKey(digest)) ?? 0);
    }

    function clearedUntil(digest: Digest, text: string | null | undefined): number {
      return Math.max(tombstoneOf(digest, text), hiddenUntil.get(tombstoneKey(digest)) ?? 0);
    }

    const keysOf = (digest: Digest) => [entryKey(digest), tombstoneKey(digest)];

    /** Writes a tombstone, unless the existing one reaches farther. @param text the tombstone that KV shows */
    async function writeTombstone(digest: Digest, text: string | null | undefined, until: number): Promise<void> {
      const key = tombstoneKey(digest);
      const shown = tryParse(() => parseTombstone(text));
      // A malformed tombstone is always replaced, but never by one that reaches less far than one that this isolate
      // wrote.
      const current = tombstoneOf(digest, shown instanceof BadRecord ? undefined : text);
      if (current >= until && !(shown instanceof BadRecord)) return;
      const farther = Math.max(current, until);
      await withTimeout(namespace.put(key, String(farther), expiration));
      writtenTombstones.set(key, farther);
    }

    return {
      batch: BATCH,
      clearPresent: undefined,
      clearAll: undefined,
      hide(digests, { until }) {
        for (const digest of digests) {
          const key = tombstoneKey(digest);
          // What was confirmed in the same millisecond may have been confirmed later.
          hiddenUntil.set(key, Math.max(hiddenUntil.get(key) ?? 0, until - 1));
        }
      },
      async read(_ctx, digests) {
        const values = await readTexts(digests.flatMap(keysOf));
        return digests.map((digest) =>
          tryParse(
            (): Stored<Entry> => ({
              value: parseEntry(digest, values.get(entryKey(digest))),
              clearedUntil: clearedUntil(digest, values.get(tombstoneKey(digest))),
            }),
          ),
        );
      },
      async write(_ctx, digests, entry) {
        const { descriptor, verifiedAt, witness } = entry;
        const value = JSON.stringify({ ...descriptor, verifiedAt, toldBy: witness });
        await Promise.all(
          [...digests].map((digest) => withTimeout(namespace.put(entryKey(digest), value, expiration))),
        );
      },
      async writeTombstone(_ctx, digest, { until }) {
        const key = tombstoneKey(digest);
        await writeTombstone(digest, (await readTexts([key])).get(key), until);
      },
      async clear(_ctx, digests, { until, isReplaced = false }) {
        const values = await readTexts(digests.flatMap(keysOf));
        const entries = new Map(
          digests.map((digest) => [digest, tryParse(() => parseEntry(digest, values.get(entryKey(digest))))]),
        );
        const clearOne = async (digest: Digest) => {
          await writeTombstone(digest, values.get(tombstoneKey(digest)), until);
          // Valid entries stay until they expire. The tombstone hides them, and a delete that overtook a later write
          // would lose a true entry. A value that is overwritten right after is not deleted first, since KV accepts one
          // write a second for a key.
          if (entries.get(digest) instanceof BadRecord && !isReplaced)
            await withTimeout(namespace.delete(entryKey(digest)));
        };
        await eachInTurn(batchesOf(digests, AT_ONCE), (batch) => allDone(batch.map(clearOne)));
        return digests.map((digest) => digestNamedIn(entries.get(digest)));
      },
      async list(_ctx, cursor) {
        const start = entryKey('');
        const page = await withTimeout(
          namespace.list({ prefix: start, limit: BATCH, ...(cursor !== undefined && { cursor }) }),
        );
        const digests = page.keys.map(({ name: key }) => key.slice(start.length)).filter(isDigest);
        return page.list_complete ? { digests } : { digests, cursor: page.cursor };
      },
    };
  };
}

/** The JSON under an entry's key. Its field names never change, since other versions of the edge read them too. */
type StoredValue = Entry['descriptor'] & { readonly verifiedAt: number; readonly toldBy?: unknown };

/** @throws SyntaxError, TypeError, RegistryError the stored value is malformed */
function parseEntry(key: Digest, text: string | null | undefined): Entry | undefined {
  if (text === null || text === undefined) return undefined;
  const { digest, size, mediaType, verifiedAt, toldBy } = JSON.parse(text) as StoredValue;
  const witness = parseMethod(toldBy);
  const entry = { descriptor: { digest, size, mediaType }, verifiedAt, ...(witness && { witness }) };
  checkEntry(key, entry);
  return entry;
}

function parseTombstone(text: string | null | undefined): number {
  if (text === null || text === undefined) return 0;
  const cleared = Number(text);
  if (!isWholeNumber(cleared)) throw new TypeError('the tombstone is not a time');
  return cleared;
}

/** Returns the digest that an entry names, if the entry could be parsed. */
function digestNamedIn(entry: Entry | BadRecord | undefined): string | undefined {
  return entry instanceof BadRecord ? undefined : entry?.descriptor.digest;
}
