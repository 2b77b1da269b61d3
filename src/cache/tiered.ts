import type { BlobDescriptorCacheProvider, BlobDescriptorService, RepositoryDescriptors } from './provider.ts';

/**
 * A near store in front of a far one: reads ask the near one first and let it learn what the far one knows; writes and
 * clears go to both. The far one is the truth: only what it took is put into the near one.
 */
export function tiered(
  near: BlobDescriptorCacheProvider,
  far: BlobDescriptorCacheProvider,
): BlobDescriptorCacheProvider {
  const { peek, unscoped: nearUnscoped } = near;
  const { unscoped: farUnscoped } = far;
  return {
    repositoryScoped: (name, links) => forMany(near.repositoryScoped(name, links), far.repositoryScoped(name, links)),
    ...(peek && { peek }),
    ...(nearUnscoped && farUnscoped && { unscoped: (links) => twoTiers(nearUnscoped(links), farUnscoped(links)) }),
  };
}

function twoTiers(nearby: BlobDescriptorService, remote: BlobDescriptorService): BlobDescriptorService {
  return {
    async stat(ctx, digest) {
      const known = await nearby.stat(ctx, digest);
      if (known) return known;
      const entry = await remote.stat(ctx, digest);
      // What the far store answered stands, whatever the near one makes of it.
      if (entry) await nearby.setDescriptor(ctx, digest, entry).catch(() => undefined);
      return entry;
    },
    async setDescriptor(ctx, digest, entry) {
      await remote.setDescriptor(ctx, digest, entry);
      await nearby.setDescriptor(ctx, digest, entry);
    },
    async bury(ctx, digest, reachMs) {
      await nearby.bury(ctx, digest, reachMs);
      await remote.bury(ctx, digest, reachMs);
    },
    async clear(ctx, digest, reachMs) {
      // The near one first: if the far one fails, this isolate at least has forgotten, and the near tombstone turns
      // away what a stat under way read from the far one before it was cleared.
      await nearby.clear(ctx, digest, reachMs);
      await remote.clear(ctx, digest, reachMs);
    },
  };
}

/** Of which tier a page is; then its own cursor. */
const NEAR = 'near:';
const FAR = 'far:';

function forMany(nearby: RepositoryDescriptors, remote: RepositoryDescriptors): RepositoryDescriptors {
  return {
    ...twoTiers(nearby, remote),
    async evict(ctx, digests) {
      const asked = [...digests];
      const here = await nearby.evict(ctx, asked);
      const there = await remote.evict(ctx, asked);
      // A stat under way may be bringing it here.
      await Promise.all([...there.difference(here)].map((digest) => nearby.clear(ctx, digest)));
      return here.union(there);
    },
    async list(ctx, cursor = NEAR) {
      if (cursor.startsWith(NEAR)) {
        const page = await nearby.list(ctx, cursor.slice(NEAR.length) || undefined);
        return { ...page, cursor: page.cursor === undefined ? FAR : NEAR + page.cursor };
      }
      const page = await remote.list(ctx, cursor.slice(FAR.length) || undefined);
      return { ...page, cursor: page.cursor && FAR + page.cursor };
    },
  };
}
