import type { RequestContext } from '../context.ts';
import type {
  BlobDescriptorCacheProvider,
  BlobDescriptorService,
  PurgedPage,
  RepositoryDescriptors,
} from './provider.ts';

/**
 * Puts a near store in front of a far one. A read tries the near store first, and copies into it what the far store
 * returns. Writes and clears go to both. The far store is authoritative: only an entry that it accepted is written to
 * the near one.
 */
export function tieredDescriptors(
  near: BlobDescriptorCacheProvider,
  far: BlobDescriptorCacheProvider,
): BlobDescriptorCacheProvider {
  const { peek, unscoped: nearUnscoped } = near;
  const { unscoped: farUnscoped } = far;
  const { isAtomic } = far;
  return {
    isAtomic,
    repositoryScoped: (name, links) =>
      tieredRepository(near.repositoryScoped(name, links), far.repositoryScoped(name, links), isAtomic),
    peek,
    unscoped: nearUnscoped && farUnscoped && ((links) => tieredService(nearUnscoped(links), farUnscoped(links))),
  };
}

function tieredService(near: BlobDescriptorService, far: BlobDescriptorService): BlobDescriptorService {
  return {
    async stat(ctx, digest) {
      const nearEntry = await near.stat(ctx, digest);
      if (nearEntry) return nearEntry;
      const entry = await far.stat(ctx, digest);
      // The far store's entry is returned even if the near store cannot keep it.
      if (entry) await near.setDescriptor(ctx, digest, entry).catch(() => undefined);
      return entry;
    },
    async setDescriptor(ctx, digest, entry, lookedAt) {
      const refused = await far.setDescriptor(ctx, digest, entry, lookedAt);
      return refused ?? near.setDescriptor(ctx, digest, entry);
    },
    async markDeleting(ctx, digest, clearedForMs) {
      await near.markDeleting(ctx, digest, clearedForMs);
      await far.markDeleting(ctx, digest, clearedForMs);
    },
    async clear(ctx, digest, clearedForMs) {
      // The near store comes first. If the far one fails, at least this isolate has forgotten the entry. And a stat in
      // progress may have read the far entry before it is cleared: the near tombstone keeps it out of the near store.
      await near.clear(ctx, digest, clearedForMs);
      await far.clear(ctx, digest, clearedForMs);
    },
  };
}

/** A cursor names the tier of its page, followed by that tier's own cursor. */
const NEAR = 'near:';
const FAR = 'far:';

function tieredRepository(
  near: RepositoryDescriptors,
  far: RepositoryDescriptors,
  isAtomic: boolean,
): RepositoryDescriptors {
  /** Memory comes first, and once more: a read may have copied some of the entries into it meanwhile. */
  async function purgeAtOnce(ctx: RequestContext): Promise<PurgedPage> {
    const { removed: nearRemoved } = await near.purge(ctx);
    const { removed: farRemoved, cursor } = await far.purge(ctx);
    await near.purge(ctx);
    return { removed: nearRemoved.union(farRemoved), cursor };
  }
  async function purgeNear(ctx: RequestContext, cursor: string): Promise<PurgedPage> {
    // The page has at most as many digests as the far store clears at once; memory alone would clear all in one page.
    const page = await near.purge(ctx, cursor || undefined, far.batch);
    // The far store clears the same digests now, so that an entry in both stores is counted once.
    const farRemoved = await far.clearPresent(ctx, page.removed);
    return { removed: page.removed.union(farRemoved), cursor: page.cursor === undefined ? FAR : NEAR + page.cursor };
  }
  async function purgeFar(ctx: RequestContext, cursor: string): Promise<PurgedPage> {
    const page = await far.purge(ctx, cursor || undefined);
    // A read may have copied some of them into the near store since that was purged.
    await near.clearPresent(ctx, page.removed);
    return { ...page, cursor: page.cursor && FAR + page.cursor };
  }
  return {
    ...tieredService(near, far),
    batch: far.batch,
    statEach: (ctx, digests) => far.statEach(ctx, digests),
    list: (ctx, cursor) => far.list(ctx, cursor),
    async evict(ctx, digests, sentAtMs, isReplaced) {
      const list = [...digests];
      const nearEvicted = await near.evict(ctx, list, sentAtMs, isReplaced);
      const farEvicted = await far.evict(ctx, list, sentAtMs, isReplaced);
      // A stat in progress may be about to copy an evicted entry into the near store. The tombstone keeps that entry
      // out, but not one that is confirmed later.
      await near.markEvicted(ctx, farEvicted.difference(nearEvicted), sentAtMs);
      return nearEvicted.union(farEvicted);
    },
    async markEvicted(ctx, digests, sentAtMs) {
      const list = [...digests];
      await near.markEvicted(ctx, list, sentAtMs);
      await far.markEvicted(ctx, list, sentAtMs);
    },
    async clearEach(ctx, digests, clearedForMs) {
      const list = [...digests];
      await near.clearEach(ctx, list, clearedForMs);
      await far.clearEach(ctx, list, clearedForMs);
    },
    async clearPresent(ctx, digests) {
      const list = [...digests];
      const nearCleared = await near.clearPresent(ctx, list);
      const farCleared = await far.clearPresent(ctx, list);
      await Promise.all([...farCleared.difference(nearCleared)].map((digest) => near.clear(ctx, digest)));
      return nearCleared.union(farCleared);
    },
    purge: (ctx, cursor = NEAR) =>
      isAtomic
        ? purgeAtOnce(ctx)
        : cursor.startsWith(NEAR)
          ? purgeNear(ctx, cursor.slice(NEAR.length))
          : purgeFar(ctx, cursor.slice(FAR.length)),
  };
}
