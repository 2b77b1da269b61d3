import { type Entry, isWholeNumber } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { within } from '../within.ts';
import { type BlobDescriptorCacheProvider, STORE_TIMEOUT_MS, type StoreOptions } from './provider.ts';
import { createProvider, type StoredRecord } from './records.ts';
import { CLOCK_SKEW_MS } from './tombstone.ts';

/** The part of a KV namespace that is used; the binding `DESCRIPTORS`. */
export type DescriptorNamespace = Pick<KVNamespace, 'get' | 'getWithMetadata' | 'put' | 'delete'>;

/** KV refuses a shorter life. */
const MIN_EXPIRATION_SECONDS = 60;
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
    const entryKey = (digest: Digest) => `${isOpen ? 'open::' : ''}${links}::${name}::${digest}`;
    const tombstoneKey = (digest: Digest) => `cleared::${links}::${name}::${digest}`;

    async function read(digest: Digest): Promise<StoredRecord> {
      const keys = [entryKey(digest), tombstoneKey(digest)];
      const values = await inTime(namespace.get(keys, { type: 'text', cacheTtl: CACHE_TTL_SECONDS }));
      return {
        entry: parseEntry(values.get(entryKey(digest))),
        cleared: parseTombstone(values.get(tombstoneKey(digest))),
      };
    }

    async function readText(key: string): Promise<string | null | undefined> {
      return (await inTime(namespace.get([key], { type: 'text', cacheTtl: CACHE_TTL_SECONDS }))).get(key);
    }

    async function bury(digest: Digest, cleared: number): Promise<void> {
      try {
        await inTime(namespace.put(tombstoneKey(digest), String(cleared), life));
      } catch (refused) {
        // One write a second for a key: a tombstone that was just written may reach far enough.
        const stands = parseTombstone(await readText(tombstoneKey(digest)));
        if (stands < cleared) throw refused;
      }
    }

    return {
      read: (_ctx, digest) => read(digest),
      async write(_ctx, digests, entry) {
        const value = JSON.stringify({ ...entry.descriptor, verifiedAt: entry.verifiedAt });
        await Promise.all([...digests].map((digest) => inTime(namespace.put(entryKey(digest), value, life))));
      },
      bury: (_ctx, digest, cleared) => bury(digest, cleared),
      async clear(_ctx, digest, cleared) {
        // The value stays until it expires: it can no longer answer, and a delete that overtakes a later write would lose
        // a true entry.
        await bury(digest, cleared);
        return digestIn(await readText(entryKey(digest)));
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
