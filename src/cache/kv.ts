import { type Entry, isSize } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { within } from '../within.ts';
import { type BlobDescriptorCacheProvider, CLOCK_SKEW_MS, STORE_TIMEOUT_MS } from './provider.ts';
import { createProvider, type StoredRecord } from './records.ts';

/** The part of a KV namespace that is used; the binding `DESCRIPTORS`. */
export type DescriptorNamespace = Pick<KVNamespace, 'get' | 'put'>;

/** KV refuses a shorter life. */
const MIN_EXPIRATION_SECONDS = 60;

/**
 * Descriptors in Workers KV: one self-contained value per link set, repository and digest, and the tombstone beside it
 * under its own key, since KV can change no two keys together and no value in place. Both are read in one bulk get.
 * KV lags a minute or more between places and remembers misses as long: a miss means "ask the origin", no more.
 * @param retentionMs how long an entry can be of use; age is judged by `verifiedAt`
 */
export function createKvProvider(
  namespace: DescriptorNamespace,
  { retentionMs }: { retentionMs: number },
): BlobDescriptorCacheProvider {
  const lifeSeconds = Math.ceil((retentionMs + CLOCK_SKEW_MS) / 1000);
  const life = { expirationTtl: Math.max(MIN_EXPIRATION_SECONDS, lifeSeconds) };

  return createProvider((name, links) => {
    const entryKey = (digest: Digest) => `${links}::${name}::${digest}`;
    const tombstoneKey = (digest: Digest) => `cleared::${entryKey(digest)}`;

    async function read(digest: Digest): Promise<StoredRecord> {
      const keys = [entryKey(digest), tombstoneKey(digest)];
      const values = await inTime(namespace.get(keys, 'text'));
      return {
        entry: parseEntry(values.get(entryKey(digest))),
        cleared: parseTombstone(values.get(tombstoneKey(digest))),
      };
    }

    return {
      read: (_ctx, digest) => read(digest),
      async write(_ctx, digests, entry) {
        const value = JSON.stringify({ ...entry.descriptor, verifiedAt: entry.verifiedAt });
        await Promise.all([...digests].map((digest) => inTime(namespace.put(entryKey(digest), value, life))));
      },
      async bury(_ctx, digest, until) {
        // The tombstone alone clears. The value stays until it expires: it can no longer answer, and a delete that
        // overtakes a later write would lose a true entry.
        await inTime(namespace.put(tombstoneKey(digest), String(until), life));
        return (await read(digest)).entry?.descriptor.digest;
      },
    };
  });
}

function parseEntry(text: string | null | undefined): Entry | undefined {
  if (text === null || text === undefined) return undefined;
  const { digest, size, mediaType, verifiedAt } = JSON.parse(text) as Entry['descriptor'] & { verifiedAt: number };
  return { descriptor: { digest, size, mediaType }, verifiedAt };
}

function parseTombstone(text: string | null | undefined): number {
  if (text === null || text === undefined) return 0;
  const cleared = Number(text);
  if (!isSize(cleared)) throw new TypeError('the tombstone is no time');
  return cleared;
}

/** KV has no way to be told to give up. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const done = await within(
    work.then((value) => ({ value })),
    STORE_TIMEOUT_MS,
  );
  if (!done) throw new Error(`no answer within ${STORE_TIMEOUT_MS} ms`);
  return done.value;
}
