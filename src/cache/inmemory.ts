import { LRUCache } from 'lru-cache';
import type { Memory } from '../memory.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobDescriptorCacheProvider } from './provider.ts';
import { createProvider } from './records.ts';

/** A descriptor's digest, media type and numbers. */
const ENTRY_BYTES = 400;
/** Tombstones kept one by one; older ones are kept as one, see below. */
const MAX_TOMBSTONES = 1_000;

/**
 * Descriptors in this isolate's memory: the tier in front of a shared store, or all there is (`BLOBDESCRIPTOR=inmemory`).
 * @param ttlMs how long an entry may be served without looking elsewhere
 */
export function createInMemoryProvider(memory: Memory, { ttlMs }: { ttlMs: number }): BlobDescriptorCacheProvider {
  const entries = memory.part<Entry>('descriptor');
  // Apart from the entries, so that a flood of those pushes no tombstone out. When a flood of deletes does, everything
  // confirmed before the tombstone that fell out counts as cleared: some misses, and never a revived entry.
  let allClearedUntil = 0;
  const tombstones = new LRUCache<string, number>({
    max: MAX_TOMBSTONES,
    dispose: (cleared, _key, reason) => {
      if (reason === 'evict') allClearedUntil = Math.max(allClearedUntil, cleared);
    },
  });

  return createProvider((name, links) => {
    const keyOf = (digest: Digest) => `${links} ${name} ${digest}`;
    const clearedAt = (digest: Digest) => Math.max(tombstones.get(keyOf(digest)) ?? 0, allClearedUntil);
    return {
      async read(ctx, digest) {
        return { entry: entries.get(keyOf(digest), ctx.now()), cleared: clearedAt(digest) };
      },
      async write(ctx, digests, entry) {
        for (const digest of digests) entries.set(keyOf(digest), entry, ctx.now() + ttlMs, ENTRY_BYTES);
      },
      async clear(ctx, digest, cleared) {
        const known = entries.get(keyOf(digest), ctx.now());
        tombstones.set(keyOf(digest), cleared);
        entries.delete(keyOf(digest));
        return known?.descriptor.digest;
      },
    };
  });
}
