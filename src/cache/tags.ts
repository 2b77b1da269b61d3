import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import { allDone } from './allDone.ts';
import type { CacheItem } from './item.ts';
import { isStoreFault, type Lookup, lookUp } from './lookup.ts';
import { CacheFault } from './provider.ts';
import { overwrite } from './writeBack.ts';

/** What a tag pointed to when the origin was last asked (`verifiedAt`, epoch ms: when the question was sent). */
export interface TagPointer {
  readonly digest: Digest;
  readonly verifiedAt: number;
}

export interface TagKey {
  readonly name: RepositoryName;
  readonly tag: string;
  /** What else makes the answer: the media types that the caller takes, the registry that it means. */
  readonly variant: string;
}

/** Where tags point to, for a short time: tags move. */
export interface Tags {
  /** @throws CacheFault */
  get(ctx: RequestContext, key: TagKey): Promise<TagPointer | undefined>;
  /** A pointer that was confirmed before the tag was dropped does not count. @throws CacheFault */
  set(ctx: RequestContext, key: TagKey, pointer: TagPointer): Promise<void>;
  /**
   * Forgets where tags point to, whoever asks.
   * @param clearedForMs how far into the future: no pointer that is confirmed until then counts. At least, and without it,
   *   what two clocks may differ. A drop that reaches farther stands.
   * @returns where they are known to have led, whoever was told so
   * @throws CacheFault
   */
  drop(
    ctx: RequestContext,
    name: RepositoryName,
    tags: readonly string[],
    clearedForMs?: number,
  ): Promise<ReadonlySet<Digest>>;
  /**
   * Notes where a tag leads that only callers who may push have asked for. It answers nobody: it is for the next drop, since
   * some registries delete a manifest when its tag moves (zot).
   * @param isMoved the tag was moved there, so that no tombstone says otherwise
   * @returns whether that is still so: false where the tag was dropped since, or leads elsewhere
   * @throws CacheFault
   */
  note(ctx: RequestContext, key: Omit<TagKey, 'variant'>, pointer: TagPointer, isMoved?: boolean): Promise<boolean>;
  /**
   * Forgets a tag that the origin does not have: what was confirmed before the origin was asked, and nothing later.
   * @param sentAtMs when the question that the origin denied was sent, in epoch ms
   * @throws CacheFault
   */
  evict(ctx: RequestContext, name: RepositoryName, tag: string, sentAtMs: number): Promise<void>;
  /** Drops a page of all tags of repositories. @param cursor of the page before @throws CacheFault */
  purge(ctx: RequestContext, names: readonly RepositoryName[], cursor?: string): Promise<PurgedTags>;
}

/** What a page of a purge removed: how many tags led somewhere. */
export interface PurgedTags {
  readonly removed: number;
  /** Where the next page begins, in the store's own words; absent at the end. */
  readonly cursor?: string | undefined;
}

/** How long what is kept of a tag can be of use. */
export interface TagOptions {
  /** A pointer, in ms. */
  readonly ttlMs: number;
  /** The farthest that a drop reaches into the future, in ms; without it, what two clocks may differ. */
  readonly maxClearedForMs?: number;
}

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
