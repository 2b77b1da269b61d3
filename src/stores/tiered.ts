import type { RequestContext } from '../context.ts';
import type {
  BlobDescriptorCacheProvider,
  BlobDescriptorService,
  PurgedPage,
  RepositoryDescriptors,
} from './descriptors.ts';

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
    async markDeleting(ctx, digest, clearedForMs) {
      await nearby.markDeleting(ctx, digest, clearedForMs);
      await remote.markDeleting(ctx, digest, clearedForMs);
    },
    async clear(ctx, digest, clearedForMs) {
      // The near one first: if the far one fails, this isolate at least has forgotten, and the near tombstone turns
      // away what a stat under way read from the far one before it was cleared.
      await nearby.clear(ctx, digest, clearedForMs);
      await remote.clear(ctx, digest, clearedForMs);
    },
  };
}

/** Of which tier a page is; then its own cursor. */
const NEAR = 'near:';
const FAR = 'far:';

function forMany(nearby: RepositoryDescriptors, remote: RepositoryDescriptors): RepositoryDescriptors {
  async function purgeNear(ctx: RequestContext, cursor: string): Promise<PurgedPage> {
    // No more than the far one clears at once: memory alone would take all of it.
    const page = await nearby.purge(ctx, cursor || undefined, remote.batch);
    // At once in both, so that what is in both counts once.
    const there = await remote.clearPresent(ctx, page.removed);
    return { removed: page.removed.union(there), cursor: page.cursor === undefined ? FAR : NEAR + page.cursor };
  }
  async function purgeFar(ctx: RequestContext, cursor: string): Promise<PurgedPage> {
    const page = await remote.purge(ctx, cursor || undefined);
    // What has come here since.
    await nearby.clearPresent(ctx, page.removed);
    return { ...page, cursor: page.cursor && FAR + page.cursor };
  }
  return {
    ...twoTiers(nearby, remote),
    batch: remote.batch,
    async evict(ctx, digests, sentAtMs, isReplaced) {
      const asked = [...digests];
      const here = await nearby.evict(ctx, asked, sentAtMs, isReplaced);
      const there = await remote.evict(ctx, asked, sentAtMs, isReplaced);
      // A stat under way may be bringing it here; what is confirmed later may come.
      await nearby.markEvicted(ctx, there.difference(here), sentAtMs);
      return here.union(there);
    },
    async markEvicted(ctx, digests, sentAtMs) {
      const asked = [...digests];
      await nearby.markEvicted(ctx, asked, sentAtMs);
      await remote.markEvicted(ctx, asked, sentAtMs);
    },
    async clearEach(ctx, digests, clearedForMs) {
      const asked = [...digests];
      await nearby.clearEach(ctx, asked, clearedForMs);
      await remote.clearEach(ctx, asked, clearedForMs);
    },
    async clearPresent(ctx, digests) {
      const asked = [...digests];
      const here = await nearby.clearPresent(ctx, asked);
      const there = await remote.clearPresent(ctx, asked);
      await Promise.all([...there.difference(here)].map((digest) => nearby.clear(ctx, digest)));
      return here.union(there);
    },
    purge: (ctx, cursor = NEAR) =>
      cursor.startsWith(NEAR) ? purgeNear(ctx, cursor.slice(NEAR.length)) : purgeFar(ctx, cursor.slice(FAR.length)),
  };
}
