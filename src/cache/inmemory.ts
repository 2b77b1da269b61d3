import { LRUCache } from 'lru-cache';
import type { Memory } from '../memory.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobDescriptorCacheProvider, LinkSet } from './provider.ts';
import { BATCH, createProvider, type Records, type RepositoryRecords } from './records.ts';
import { isAlive } from './tombstone.ts';

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

  const keyIn = (scope: string, links: LinkSet, digest: Digest | '') => `${links} ${scope} ${digest}`;

  function clearedUntil(scope: string, links: LinkSet, digest: Digest): number {
    if (tombstones.size === 0) return allClearedUntil;
    const here = tombstones.get(keyIn(scope, links, digest)) ?? 0;
    return Math.max(here, tombstones.get(keyIn(GLOBAL, links, digest)) ?? 0, allClearedUntil);
  }

  function recordsOf(scope: string, links: LinkSet): RepositoryRecords {
    const keyOf = (digest: Digest | '') => keyIn(scope, links, digest);
    return {
      async read(ctx, digests) {
        return digests.map((digest) => ({
          entry: entries.get(keyOf(digest), ctx.now()),
          cleared: clearedUntil(scope, links, digest),
        }));
      },
      async write(ctx, digests, entry) {
        // From when it was true, that is when this request began, or asked the origin: what comes late to this isolate is
        // kept no longer for that, since a delete through another one is not heard of here.
        const since = Math.min(ctx.now(), Math.max(ctx.startedAt, entry.verifiedAt));
        for (const digest of digests) entries.set(keyOf(digest), entry, since + ttlMs, ENTRY_BYTES);
      },
      async bury(_ctx, digest, cleared) {
        tombstones.set(keyOf(digest), cleared);
      },
      async clear(ctx, digests, cleared) {
        return digests.map((digest) => {
          const known = entries.get(keyOf(digest), ctx.now());
          tombstones.set(keyOf(digest), cleared);
          entries.delete(keyOf(digest));
          return known?.descriptor.digest;
        });
      },
      async list(_ctx, cursor = '') {
        const prefix = keyOf('');
        const digests = entries.keys(prefix).map((key) => key.slice(prefix.length) as Digest);
        const left = digests.sort().filter((digest) => digest > cursor);
        const page = left.slice(0, BATCH);
        return { digests: page, cursor: left.length > page.length ? page.at(-1) : undefined };
      },
    };
  }

  /** The global record is written with every repository's, and the first media type stays. */
  function withGlobal(scoped: RepositoryRecords, links: LinkSet): RepositoryRecords {
    const global = recordsOf(GLOBAL, links);
    return {
      ...scoped,
      async write(ctx, digests, entry) {
        await scoped.write(ctx, digests, entry);
        for (const digest of digests) {
          const known = entries.get(keyIn(GLOBAL, links, digest), ctx.now())?.descriptor.mediaType;
          const descriptor = { ...entry.descriptor, mediaType: known ?? entry.descriptor.mediaType };
          await global.write(ctx, new Set([digest]), { descriptor, verifiedAt: 0 });
        }
      },
    };
  }

  const provider = createProvider(
    (name, links) => (keepsGlobal ? withGlobal(recordsOf(name, links), links) : recordsOf(name, links)),
    (links) => {
      const global = recordsOf(GLOBAL, links);
      const read: Records['read'] = async (ctx, digests) =>
        (await global.read(ctx, digests)).map((record) => ({ ...record, cleared: 0 }));
      return { ...global, read };
    },
  );
  return {
    ...provider,
    // Nobody else writes here, so what went in sound comes out sound. An alias depends on another entry: not at once.
    peek(ctx, name, links, digest) {
      const entry = entries.get(keyIn(name, links, digest), ctx.now());
      if (entry?.descriptor.digest !== digest) return undefined;
      return isAlive(entry.verifiedAt, clearedUntil(name, links, digest)) ? entry : undefined;
    },
  };
}
