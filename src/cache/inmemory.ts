import { LRUCache } from 'lru-cache';
import type { Memory } from '../memory.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobDescriptorCacheProvider, LinkSet } from './provider.ts';
import { createProvider, type Records } from './records.ts';

/** A descriptor's digest, media type and numbers. */
const ENTRY_BYTES = 400;
/** Stands for all repositories: no name looks like this. */
const GLOBAL = '*';
/** Tombstones kept one by one; older ones are kept as one, see below. */
const MAX_TOMBSTONES = 1_000;

/**
 * Descriptors in this isolate's memory: the tier in front of a shared store, or all there is (`BLOBDESCRIPTOR=inmemory`).
 * @param ttlMs how long an entry may be served without looking elsewhere
 * @param keepsGlobal whether the global records are kept here; a tier leaves them to the store behind it
 */
export function createInMemoryProvider(
  memory: Memory,
  { ttlMs, keepsGlobal = false }: { ttlMs: number; keepsGlobal?: boolean },
): BlobDescriptorCacheProvider {
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

  function recordsOf(scope: string, links: LinkSet): Records {
    const keyOf = (digest: Digest) => `${links} ${scope} ${digest}`;
    const globalKey = (digest: Digest) => `${links} ${GLOBAL} ${digest}`;
    return {
      async read(ctx, digest) {
        const cleared = [keyOf(digest), globalKey(digest)].map((key) => tombstones.get(key) ?? 0);
        return { entry: entries.get(keyOf(digest), ctx.now()), cleared: Math.max(...cleared, allClearedUntil) };
      },
      async write(ctx, digests, entry) {
        for (const digest of digests) entries.set(keyOf(digest), entry, ctx.now() + ttlMs, ENTRY_BYTES);
      },
      async bury(_ctx, digest, cleared) {
        tombstones.set(keyOf(digest), cleared);
      },
      async clear(ctx, digest, cleared) {
        const known = entries.get(keyOf(digest), ctx.now());
        tombstones.set(keyOf(digest), cleared);
        entries.delete(keyOf(digest));
        return known?.descriptor.digest;
      },
    };
  }

  /** The global record is written with every repository's, and the first media type stays. */
  function withGlobal(scoped: Records, links: LinkSet): Records {
    const global = recordsOf(GLOBAL, links);
    return {
      ...scoped,
      async write(ctx, digests, entry) {
        await scoped.write(ctx, digests, entry);
        for (const digest of digests) {
          const known = (await global.read(ctx, digest)).entry?.descriptor.mediaType;
          const descriptor = { ...entry.descriptor, mediaType: known ?? entry.descriptor.mediaType };
          await global.write(ctx, new Set([digest]), { descriptor, verifiedAt: 0 });
        }
      },
    };
  }

  return createProvider(
    (name, links) => (keepsGlobal ? withGlobal(recordsOf(name, links), links) : recordsOf(name, links)),
    (links) => {
      const global = recordsOf(GLOBAL, links);
      return { ...global, read: async (ctx, digest) => ({ ...(await global.read(ctx, digest)), cleared: 0 }) };
    },
  );
}
