import { allDone } from '../async.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { CacheFault } from '../stores/faults.ts';
import type { Tag, TagKey } from '../stores/tagRecords.ts';
import { isAlive } from '../stores/tombstone.ts';
import type { CacheItem } from './item.ts';
import { farthestTombstone, isStoreFault, type Lookup, lookUp } from './lookup.ts';
import type { Tags } from './tags.ts';
import { overwrite } from './writeBack.ts';

/**
 * Wraps the item of a manifest that a caller who may push requested by its tag. Tags never answer such callers, but the
 * manifest that the tag points to is noted.
 */
export function notedTagItem<E extends Entry>(key: Tag, tags: Tags, manifest: CacheItem<E>): CacheItem<E> {
  return {
    ...manifest,
    async set(ctx, entry, known, lookedAt) {
      const { descriptor, verifiedAt } = entry;
      // The tag may have moved while the origin was answering, and the registry may have deleted the manifest with the
      // move.
      const isCurrent = await tags.note(ctx, key, { digest: descriptor.digest, verifiedAt });
      return isCurrent && manifest.set(ctx, entry, known, lookedAt);
    },
  };
}

/**
 * Combines a tag with the manifest that it points to. Without the manifest's entry the tag is a miss. When the origin
 * confirms where the tag points to, it confirms the manifest as well.
 * @param manifestOf gives the item of the manifest with a digest
 */
export function tagItem<E extends Entry>(
  key: TagKey,
  tags: Tags,
  manifestOf: (digest: Digest) => CacheItem<E>,
): CacheItem<E> {
  let manifest: E | undefined;
  return {
    async stat(ctx) {
      const before = ctx.events.length;
      const pointer = await tags.get(ctx, key);
      if (!pointer) return undefined;
      const entry = await manifestOf(pointer.digest).stat(ctx, pointer.manifest);
      // A manifest that was deleted and pushed again answers for itself, but not for a tag from before the delete.
      manifest = isAlive(pointer.verifiedAt, farthestTombstone(ctx, before)) ? entry : undefined;
      if (!manifest) ctx.emit({ kind: 'half-cleared' });
      return manifest && { ...manifest, verifiedAt: pointer.verifiedAt };
    },
    async set(ctx, entry, known, lookedAt) {
      const { digest } = entry.descriptor;
      const item = manifestOf(digest);
      const stored = known?.descriptor.digest === digest ? manifest : undefined;
      const found: Lookup<E> = stored ? { outcome: 'hit', entry: stored, clearedUntil: 0 } : await lookUp(ctx, item);
      if (isStoreFault(found)) throw new CacheFault('the tag is not stored: its manifest could not be read');
      const pointer = { digest, verifiedAt: entry.verifiedAt };
      await allDone([overwrite(ctx, item, entry, found, lookedAt), tags.set(ctx, key, pointer, lookedAt)]);
      return true;
    },
    clear: (ctx, sentAtMs) => tags.evict(ctx, key.name, key.tag, sentAtMs),
  };
}
