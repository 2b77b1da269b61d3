import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Records } from './records.ts';
import type { Clearing } from './tombstone.ts';

/** Entries by the digest under which they are looked up. */
export interface DescriptorRecords extends Records<Digest, Entry> {
  /**
   * Removes entries, as well as values that cannot be parsed, and leaves tombstones. Each digest is one step.
   * @returns for each digest, the digest that its entry named, if known: for an alias, the canonical one
   */
  clear(ctx: RequestContext, digests: readonly Digest[], clearing: Clearing): Promise<readonly (string | undefined)[]>;
  /** Leaves a tombstone and removes nothing. */
  writeTombstone(ctx: RequestContext, digest: Digest, clearing: Clearing): Promise<void>;
}

/** The entries of one repository in one link set. */
export interface RepositoryRecords extends DescriptorRecords {
  /** How many digests one request to the store may have. */
  readonly batch: number;
  /**
   * Clears the digests that are present (`isPresent`), and leaves the others alone, in one step. Absent if the store
   * has to be read first.
   * @returns the digests that could have answered (`couldAnswer`), including the canonical digests of aliases
   */
  readonly clearPresent:
    | ((ctx: RequestContext, digests: readonly Digest[], clearing: Clearing) => Promise<readonly Digest[]>)
    | undefined;
  /**
   * Hides from this isolate what was confirmed before an eviction and is not shown yet. Absent if the store shows every
   * write at once.
   */
  readonly hide: ((digests: readonly Digest[], clearing: Clearing) => void) | undefined;
  /** Lists the digests page by page; some may be cleared. */
  list(ctx: RequestContext, cursor: string | undefined): Promise<Page>;
  /**
   * Clears as many entries in one step as the caller wants; from the first step on, no entry counts. Absent if the store
   * can only be cleared page by page.
   * @returns the entries that counted, and whether more are left
   */
  readonly clearAll: ((ctx: RequestContext, clearing: Clearing, most: number) => Promise<ClearedEntries>) | undefined;
}

/** One page of the digests of a repository. */
export interface Page {
  readonly digests: readonly Digest[];
  /** The store's own cursor of the next page; absent at the end. */
  readonly cursor?: string | undefined;
}

export interface ClearedEntries {
  /** The digests of the entries that counted before. */
  readonly counted: readonly Digest[];
  readonly isMore: boolean;
}
