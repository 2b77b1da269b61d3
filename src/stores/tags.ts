import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';

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
