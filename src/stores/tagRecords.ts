import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Records, Stored } from './records.ts';
import type { Clearing } from './tombstone.ts';

/** The manifest that a tag points to. */
export interface TagPointer {
  readonly digest: Digest;
  /** When the request was sent that the origin answered with this digest (epoch ms). */
  readonly verifiedAt: number;
}

/** A pointer as a store returns it. */
export interface TagTarget extends TagPointer {
  /** What the store holds for the manifest, if it could read that in the same request. */
  readonly manifest?: Stored<Entry> | undefined;
}

/** A tag of a repository. */
export interface Tag {
  readonly name: RepositoryName;
  readonly tag: string;
}

/** One question about a tag. */
export interface TagKey extends Tag {
  /** What else the answer depends on: the media types that the caller accepts, and the registry that it names. */
  readonly variant: string;
}

/** The result of one page of a purge. */
export interface PurgedTags {
  /** How many tags had a pointer that counted. */
  readonly removed: number;
  /** The store's own cursor of the next page; absent at the end. */
  readonly cursor?: string | undefined;
}

/**
 * The pointers of tags, in all variants, and the notes of where tags led. A store bounds the variants of a tag. If two
 * answers overtake each other, the pointer that was confirmed later stays.
 */
export interface TagRecords extends Records<TagKey, TagTarget> {
  /**
   * Removes the pointers of tags in all variants, and their notes, and leaves tombstones. Each tag is one step.
   * @returns the digests of what was removed, including those that no longer counted
   */
  clear(ctx: RequestContext, tags: readonly Tag[], clearing: Clearing): Promise<ReadonlySet<Digest>>;
  /**
   * Notes the manifest of a tag. A note answers nobody: `clear` returns it.
   * @param isMoved whether a push has just moved the tag there, so that its tombstone does not count
   * @returns whether the pointer is current: false if the tag was cleared since, or points elsewhere
   */
  note(ctx: RequestContext, tag: Tag, pointer: TagPointer, isMoved: boolean): Promise<boolean>;
  /**
   * Clears one page of the tags of repositories. The tombstones reach ahead of when they are written (`clearingAhead`),
   * and not of when the search for the tags began.
   * @param cursor as the previous page returned it
   */
  clearPage(ctx: RequestContext, names: readonly RepositoryName[], cursor?: string): Promise<PurgedTags>;
}
