import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { DescriptorRecords, RepositoryRecords } from './descriptorRecords.ts';
import type { HistoryTerms, TagHistory } from './tagHistory.ts';
import type { TagRecords } from './tagRecords.ts';

/** Content by its digest: bytes in, bytes out, not verified. A store may skip content that it has no room for. */
export interface ContentRecords {
  /** @throws BadRecord the stored value is not content */
  read(ctx: RequestContext, digest: Digest): Promise<StoredContent | undefined>;
  write(ctx: RequestContext, digest: Digest, content: Uint8Array): Promise<void>;
  remove(ctx: RequestContext, digest: Digest): Promise<void>;
}

export interface StoredContent {
  readonly content: Uint8Array;
  /**
   * Prolongs the life of the content; called once the content is verified. Content that is in use has to live as long
   * as its descriptor, which the origin keeps confirming. Absent if there is no need.
   */
  renew?: (() => Promise<void>) | undefined;
}

/**
 * What this isolate's memory holds, without a promise and without a copy. What it returns is valid and counts: a dead
 * entry or an alias is left to `read`.
 */
export interface Peek {
  descriptor(ctx: RequestContext, name: RepositoryName, links: LinkSet, digest: Digest): Entry | undefined;
  content(ctx: RequestContext, digest: Digest): Uint8Array | undefined;
}

/**
 * A store that the cache can be kept in: all that a backend has to implement. What a store may lack is `undefined` and
 * never left out, so that no wrapper can lose it unnoticed.
 */
export interface Store {
  /** As `Cache-Status` names it. */
  readonly name: string;
  /** Whether others use it too: then it has to be waited for, and its content is verified. False for memory. */
  readonly isShared: boolean;
  /**
   * Whether what one request clears in a repository at the same time is one request to the store and one step, for both
   * link sets and the tags together.
   */
  readonly isAtomic: boolean;
  /** Returns the entries of a repository, which sees none of another. */
  descriptors(name: RepositoryName, links: LinkSet): RepositoryRecords;
  /** Returns the global records, for operators; they belong to no repository. */
  readonly globals: ((links: LinkSet) => DescriptorRecords) | undefined;
  /** Absent if the store is not consistent enough for tags: each isolate then keeps them in its own memory. */
  readonly tags: TagRecords | undefined;
  /** Returns where tags led, and when. Absent if the store is not consistent enough to tell. */
  readonly history: ((terms: HistoryTerms) => TagHistory) | undefined;
  readonly contents: ContentRecords;
  /** Absent if the store has to be waited for. */
  readonly peek: Peek | undefined;
}
