import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';

/** The manifest that a tag points to. */
export interface TagPointer {
  readonly digest: Digest;
  /** When the request was sent that the origin answered with this digest (epoch ms). */
  readonly verifiedAt: number;
}

/** One question about a tag. */
export interface TagKey {
  readonly name: RepositoryName;
  readonly tag: string;
  /** What else the answer depends on: the media types that the caller accepts, and the registry that it names. */
  readonly variant: string;
}

/** The manifests that tags point to. Pointers are stored for a short time, since tags move. */
export interface Tags {
  /** Returns the pointer of a tag, if the store holds one that counts. @throws CacheFault */
  get(ctx: RequestContext, key: TagKey): Promise<TagPointer | undefined>;
  /** Stores a pointer. One that was confirmed before the tag was dropped does not count. @throws CacheFault */
  set(ctx: RequestContext, key: TagKey, pointer: TagPointer): Promise<void>;
  /**
   * Forgets the pointers of tags, in all variants, and their notes; leaves tombstones.
   * @param clearedForMs how far into the future the tombstones reach, in ms: no pointer confirmed until then counts. At
   *   least `CLOCK_SKEW_MS`, which is also the default. An existing tombstone that reaches farther stays.
   * @returns the digests that the store held for the tags, including those that no longer counted
   * @throws CacheFault
   */
  drop(
    ctx: RequestContext,
    name: RepositoryName,
    tags: readonly string[],
    clearedForMs?: number,
  ): Promise<ReadonlySet<Digest>>;
  /**
   * Notes the manifest of a tag that only callers who may push have requested. A note answers nobody: it is there for
   * the next drop, since some registries delete a manifest when its tag moves (zot).
   * @param isMoved whether a push has just moved the tag there, so that its tombstone does not count
   * @returns whether the pointer is current: false if the tag was dropped since, or points elsewhere
   * @throws CacheFault
   */
  note(ctx: RequestContext, key: Omit<TagKey, 'variant'>, pointer: TagPointer, isMoved?: boolean): Promise<boolean>;
  /**
   * Forgets a tag that the origin answered with "not found": the pointers that were confirmed before that request was
   * sent, and none that were confirmed later.
   * @param sentAtMs when the request that the origin denied was sent (epoch ms)
   * @throws CacheFault
   */
  evict(ctx: RequestContext, name: RepositoryName, tag: string, sentAtMs: number): Promise<void>;
  /**
   * Drops one page of the tags of repositories.
   * @param cursor the cursor that the previous page returned; without it, the first page
   * @throws CacheFault
   */
  purge(ctx: RequestContext, names: readonly RepositoryName[], cursor?: string): Promise<PurgedTags>;
}

/** The result of one page of a purge. */
export interface PurgedTags {
  /** How many tags had a pointer that counted. */
  readonly removed: number;
  /** The store's own cursor of the next page; absent at the end. */
  readonly cursor?: string | undefined;
}

/** The options of a store of tags. */
export interface TagOptions {
  /** How long a pointer is of use to anybody after the origin confirmed it, in ms. */
  readonly ttlMs: number;
  /** The farthest that a tombstone reaches into the future, in ms; `CLOCK_SKEW_MS` by default. */
  readonly maxClearedForMs?: number;
}
