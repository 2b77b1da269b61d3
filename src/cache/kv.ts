import { type Entry, isWholeNumber } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { within } from '../within.ts';
import { allDone } from './allDone.ts';
import { batchesOf, inTurn } from './inTurn.ts';
import { type BlobDescriptorCacheProvider, STORE_TIMEOUT_MS, type StoreOptions } from './provider.ts';
import { BATCH, createProvider, type StoredRecord } from './records.ts';
import { CLOCK_SKEW_MS } from './tombstone.ts';

/** The part of a KV namespace that is used; the binding `DESCRIPTORS`. */
export type DescriptorNamespace = Pick<KVNamespace, 'get' | 'getWithMetadata' | 'put' | 'delete' | 'list'>;

/** KV refuses a shorter life. */
const MIN_EXPIRATION_SECONDS = 60;
/** A Worker has six connections at a time; what has to wait for one would run out of its time. */
const AT_ONCE = 5;
/** How long a place may go on answering what it read, a miss or a missing tombstone too: the least that KV allows. */
export const CACHE_TTL_SECONDS = 30;

/**
 * Descriptors in Workers KV: one self-contained value per link set, repository and digest, and the tombstone beside it
 * under its own key, since KV can change no two keys together and no value in place. Both are read in one bulk get.
 * KV lags a minute or more between places and remembers misses as long: a miss means "ask the origin", no more.
 */
export function createKvProvider(
  namespace: DescriptorNamespace,
  { retentionMs, maxReachMs = CLOCK_SKEW_MS, isOpen }: StoreOptions,
): BlobDescriptorCacheProvider {
  const life = kvLife(retentionMs + maxReachMs);

  return createProvider((name, links) => {
    const entryKey = (digest: Digest | '') => `${isOpen ? 'open::' : ''}${links}::${name}::${digest}`;
    const tombstoneKey = (digest: Digest) => `cleared::${links}::${name}::${digest}`;

    function readTexts(keys: string[]): Promise<Map<string, string | null>> {
      return inTime(namespace.get(keys, { type: 'text', cacheTtl: CACHE_TTL_SECONDS }));
    }

    async function read(digests: readonly Digest[]): Promise<StoredRecord[]> {
      const values = await readTexts(digests.flatMap((digest) => [entryKey(digest), tombstoneKey(digest)]));
      return digests.map((digest) => ({
        entry: parseEntry(values.get(entryKey(digest))),
        cleared: parseTombstone(values.get(tombstoneKey(digest))),
      }));
    }

    async function bury(digest: Digest, cleared: number): Promise<void> {
      try {
        await inTime(namespace.put(tombstoneKey(digest), String(cleared), life));
      } catch (refused) {
        // One write a second for a key: a tombstone that was just written may reach far enough.
        const key = tombstoneKey(digest);
        const stands = parseTombstone((await readTexts([key])).get(key));
        if (stands < cleared) throw refused;
      }
    }

    return {
      read: (_ctx, digests) => read(digests),
      async write(_ctx, digests, entry) {
        const value = JSON.stringify({ ...entry.descriptor, verifiedAt: entry.verifiedAt });
        await Promise.all([...digests].map((digest) => inTime(namespace.put(entryKey(digest), value, life))));
      },
      bury: (_ctx, digest, cleared) => bury(digest, cleared),
      async clear(_ctx, digests, cleared) {
        // The values stay until they expire: they can no longer answer, and a delete that overtakes a later write would
        // lose a true entry.
        await inTurn(batchesOf(digests, AT_ONCE), (some) => allDone(some.map((digest) => bury(digest, cleared))));
        const values = await readTexts(digests.map(entryKey));
        return digests.map((digest) => digestIn(values.get(entryKey(digest))));
      },
      async list(_ctx, cursor) {
        const prefix = entryKey('');
        const page = await inTime(namespace.list({ prefix, limit: BATCH, ...(cursor !== undefined && { cursor }) }));
        const digests = page.keys.map(({ name: key }) => key.slice(prefix.length)).filter(isDigest);
        return page.list_complete ? { digests } : { digests, cursor: page.cursor };
      },
    };
  });
}

/** How long KV keeps what is written. */
export function kvLife(ms: number): { expirationTtl: number } {
  return { expirationTtl: Math.max(MIN_EXPIRATION_SECONDS, Math.ceil(ms / 1000)) };
}

function parseEntry(text: string | null | undefined): Entry | undefined {
  if (text === null || text === undefined) return undefined;
  const { digest, size, mediaType, verifiedAt } = JSON.parse(text) as Entry['descriptor'] & { verifiedAt: number };
  return { descriptor: { digest, size, mediaType }, verifiedAt };
}

function parseTombstone(text: string | null | undefined): number {
  if (text === null || text === undefined) return 0;
  const cleared = Number(text);
  if (!isWholeNumber(cleared)) throw new TypeError('the tombstone is no time');
  return cleared;
}

/** The digest in a value that may be rubbish. */
function digestIn(text: string | null | undefined): string | undefined {
  try {
    return parseEntry(text)?.descriptor.digest;
  } catch {
    return undefined;
  }
}

/** KV has no way to be told to give up. */
export async function inTime<T>(work: Promise<T>): Promise<T> {
  const done = await within(
    work.then((value) => ({ value })),
    STORE_TIMEOUT_MS,
  );
  if (!done) throw new Error(`no answer within ${STORE_TIMEOUT_MS} ms`);
  return done.value;
}
