import { allDone } from '../async.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { CacheFault } from '../stores/faults.ts';
import type { TagKey, Tags } from '../stores/tags.ts';
import type { CacheItem } from './item.ts';
import { isStoreFault, type Lookup, lookUp } from './lookup.ts';
import { overwrite } from './writeBack.ts';

/** A manifest that a tag led a caller to who may push: the tag answers nobody, and where it led is noted. */
export function notedItem<E extends Entry>(
  key: Omit<TagKey, 'variant'>,
  tags: Tags,
  manifest: CacheItem<E>,
): CacheItem<E> {
  return {
    ...manifest,
    async set(ctx, entry, known) {
      const { descriptor, verifiedAt } = entry;
      // The tag may have moved while the answer was under way, and taken the manifest along.
      const isCurrent = await tags.note(ctx, key, { digest: descriptor.digest, verifiedAt });
      return isCurrent && manifest.set(ctx, entry, known);
    },
  };
}

/**
 * A tag with the manifest that it points to. Once the manifest's entry is gone the tag leads nowhere. That the origin
 * says where the tag points to confirms the manifest too.
 * @param manifestOf where the manifest of a digest is
 */
export function tagItem<E extends Entry>(
  key: TagKey,
  tags: Tags,
  manifestOf: (digest: Digest) => CacheItem<E>,
): CacheItem<E> {
  let manifest: E | undefined;
  return {
    async stat(ctx) {
      const pointer = await tags.get(ctx, key);
      manifest = pointer && (await manifestOf(pointer.digest).stat(ctx));
      if (pointer && !manifest) ctx.emit({ kind: 'half-cleared' });
      return manifest && pointer && { ...manifest, verifiedAt: pointer.verifiedAt };
    },
    async set(ctx, entry, known) {
      const { digest } = entry.descriptor;
      const item = manifestOf(digest);
      const there = known?.descriptor.digest === digest ? manifest : undefined;
      const found: Lookup<E> = there ? { outcome: 'hit', entry: there, cleared: 0 } : await lookUp(ctx, item);
      if (isStoreFault(found)) throw new CacheFault('of a manifest that could not be read no tag is kept');
      await allDone([overwrite(ctx, item, entry, found), tags.set(ctx, key, { digest, verifiedAt: entry.verifiedAt })]);
      return true;
    },
    clear: (ctx, sentAtMs) => tags.evict(ctx, key.name, key.tag, sentAtMs),
  };
}
