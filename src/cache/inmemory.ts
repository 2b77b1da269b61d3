import { LRUCache } from 'lru-cache';
import type { Memory } from '../memory.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type BlobDescriptorCacheProvider, buriedUntil, isAlive } from './provider.ts';
import { validated } from './validated.ts';

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
  let allBuriedUntil = 0;
  const tombstones = new LRUCache<string, number>({
    max: MAX_TOMBSTONES,
    dispose: (cleared, _key, reason) => {
      if (reason === 'evict') allBuriedUntil = Math.max(allBuriedUntil, cleared);
    },
  });

  return validated({
    repositoryScoped(name, links) {
      const keyOf = (digest: Digest) => `${links} ${name} ${digest}`;
      const clearedAt = (digest: Digest) => Math.max(tombstones.get(keyOf(digest)) ?? 0, allBuriedUntil);

      return {
        async stat(ctx, digest) {
          const entry = entries.get(keyOf(digest), ctx.now());
          if (!entry || !isAlive(entry.verifiedAt, clearedAt(digest))) return undefined;
          const canonical = entry.descriptor.digest;
          if (canonical === digest) return entry;
          const target = entries.get(keyOf(canonical), ctx.now());
          return target && isAlive(entry.verifiedAt, clearedAt(canonical)) ? entry : undefined;
        },
        async setDescriptor(ctx, digest, entry) {
          const expiresAtMs = ctx.now() + ttlMs;
          for (const key of new Set([digest, entry.descriptor.digest])) {
            if (isAlive(entry.verifiedAt, clearedAt(key))) entries.set(keyOf(key), entry, expiresAtMs, ENTRY_BYTES);
          }
        },
        async clear(ctx, digest) {
          const canonical = entries.get(keyOf(digest), ctx.now())?.descriptor.digest ?? digest;
          for (const key of new Set([digest, canonical])) {
            tombstones.set(keyOf(key), buriedUntil(ctx));
            entries.delete(keyOf(key));
          }
        },
      };
    },
  });
}
