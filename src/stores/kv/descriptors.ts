import { LRUCache } from 'lru-cache';
import { allDone, batchesOf, inTurn } from '../../async.ts';
import { checkEntry, type Entry, isWholeNumber, parseMethod } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';
import { BadRecord, tryParse } from '../faults.ts';
import type { StoreOptions } from '../options.ts';
import type { DescriptorRecords, RepositoryRecords, StoredRecord } from '../records.ts';
import { CLOCK_SKEW_MS } from '../tombstone.ts';
import { CACHE_TTL_SECONDS, type DescriptorNamespace, inTime, kvLife } from './namespace.ts';

/** KV reads 100 keys at once, and there are two for each digest. */
const BATCH = 50;
/** Tombstones that this isolate wrote, and remembers while KV may not show them. */
const MAX_WRITTEN = 1_000;
/** A Worker has six connections at a time; what has to wait for one would run out of its time. */
const AT_ONCE = 5;

/**
 * Descriptors in Workers KV: one self-contained value per link set, repository and digest, and the tombstone beside it
 * under its own key, since KV can change no two keys together and no value in place. Both are read in one bulk get.
 * KV lags a minute or more between places and remembers misses as long: a miss means "ask the origin", no more. That the
 * farther of two tombstones stays is decided here, by what KV shows and by what this isolate wrote, which KV may not show
 * yet: of two places that write at the same time the last one wins.
 */
export function createKvDescriptors(
  namespace: DescriptorNamespace,
  { retentionMs, maxClearedForMs = CLOCK_SKEW_MS, isOpen }: StoreOptions,
): DescriptorRecords {
  const life = kvLife(retentionMs + maxClearedForMs);
  const written = new LRUCache<string, number>({ max: MAX_WRITTEN });

  function repositoryScoped(name: RepositoryName, links: LinkSet): RepositoryRecords {
    const entryKey = (digest: Digest | '') => `${isOpen ? 'open::' : ''}${links}::${name}::${digest}`;
    const tombstoneKey = (digest: Digest) => `cleared::${links}::${name}::${digest}`;

    function readTexts(keys: string[]): Promise<Map<string, string | null>> {
      return inTime(namespace.get(keys, { type: 'text', cacheTtl: CACHE_TTL_SECONDS }));
    }

    const keysOf = (digest: Digest) => [entryKey(digest), tombstoneKey(digest)];

    /** @param text the tombstone that KV shows */
    async function writeTombstone(digest: Digest, text: string | null | undefined, until: number): Promise<void> {
      const key = tombstoneKey(digest);
      const shown = tryParse(() => parseTombstone(text));
      // Rubbish is no tombstone, and is replaced, but not by one that reaches less far than what was written here.
      const stands = Math.max(written.get(key) ?? 0, shown instanceof BadRecord ? 0 : shown);
      if (stands >= until && !(shown instanceof BadRecord)) return;
      const farther = Math.max(stands, until);
      await inTime(namespace.put(key, String(farther), life));
      written.set(key, farther);
    }

    return {
      batch: BATCH,
      async read(_ctx, digests) {
        const values = await readTexts(digests.flatMap(keysOf));
        return digests.map((digest) =>
          tryParse(
            (): StoredRecord => ({
              entry: parseEntry(digest, values.get(entryKey(digest))),
              cleared: parseTombstone(values.get(tombstoneKey(digest))),
            }),
          ),
        );
      },
      async write(_ctx, digests, entry) {
        const { descriptor, verifiedAt, witness } = entry;
        const value = JSON.stringify({ ...descriptor, verifiedAt, toldBy: witness });
        await Promise.all([...digests].map((digest) => inTime(namespace.put(entryKey(digest), value, life))));
      },
      async writeTombstone(_ctx, digest, until) {
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
          // Sound values stay until they expire: they can no longer answer, and a delete that overtakes a later write
          // would lose a true entry. What is written over is not deleted first: KV takes one change a second for a key.
          if (entries.get(digest) instanceof BadRecord && !isReplaced) await inTime(namespace.delete(entryKey(digest)));
        };
        await inTurn(batchesOf(digests, AT_ONCE), (some) => allDone(some.map(clearOne)));
        return digests.map((digest) => namedIn(entries.get(digest)));
      },
      async list(_ctx, cursor) {
        const prefix = entryKey('');
        const page = await inTime(namespace.list({ prefix, limit: BATCH, ...(cursor !== undefined && { cursor }) }));
        const digests = page.keys.map(({ name: key }) => key.slice(prefix.length)).filter(isDigest);
        return page.list_complete ? { digests } : { digests, cursor: page.cursor };
      },
    };
  }
  return { repositoryScoped };
}

/** What is stored as JSON under an entry's key; its names are kept, since other builds read it. */
type StoredValue = Entry['descriptor'] & { readonly verifiedAt: number; readonly toldBy?: unknown };

/** @throws SyntaxError, TypeError, RegistryError what no setter wrote */
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
  if (!isWholeNumber(cleared)) throw new TypeError('the tombstone is no time');
  return cleared;
}

/** The digest in a value that may be rubbish. */
function namedIn(entry: Entry | BadRecord | undefined): string | undefined {
  return entry instanceof BadRecord ? undefined : entry?.descriptor.digest;
}
