import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { BadRecord } from './faults.ts';
import type { Clearing } from './tombstone.ts';

/** What a store has under a digest. `cleared`: entries confirmed until then do not count (epoch ms); 0: no tombstone. */
export interface StoredRecord {
  readonly entry: Entry | undefined;
  readonly cleared: number;
  /** The digest is a member, but of its descriptor nothing is left: whoever cleared it did not finish. */
  readonly isHalfCleared?: boolean;
}

/**
 * Records in a store: all that a backend has to do. It puts values in and takes them out as they are; what they mean, and
 * whether they are sound, is decided once for all backends, below. Only that the farther of two tombstones stays is
 * decided in the store.
 */
export interface Records {
  /** In one look. @returns one record for each digest; what could not be parsed, as a value */
  read(ctx: RequestContext, digests: readonly Digest[]): Promise<readonly (StoredRecord | BadRecord)[]>;
  /** Writes the entry under each of the digests, together if the store can. */
  write(ctx: RequestContext, digests: ReadonlySet<Digest>, entry: Entry): Promise<void>;
  /**
   * Removes the entries, and what cannot be read, and leaves tombstones, each in one step.
   * @returns the digest in the entry that was there, for each, if it is known
   */
  clear(ctx: RequestContext, digests: readonly Digest[], clearing: Clearing): Promise<readonly (string | undefined)[]>;
  /** Leaves the tombstone alone. @param until when entries do not count (epoch ms) */
  writeTombstone(ctx: RequestContext, digest: Digest, until: number): Promise<void>;
}

/** Some of the digests of a repository. */
export interface Page {
  readonly digests: readonly Digest[];
  /** Where the next page begins, in the store's own words; absent at the end. */
  readonly cursor?: string | undefined;
}

/** All of a repository: page by page, or where that can be done at once, as much of it in one step as is wanted. */
type Whole =
  | { list(ctx: RequestContext, cursor: string | undefined): Promise<Page> }
  /** From the first step on nothing counts. @returns the digests of the entries that did, and whether there are more */
  | { clearAll(ctx: RequestContext, clearing: Clearing, most: number): Promise<ClearedSome> };

export interface ClearedSome {
  readonly counted: readonly Digest[];
  readonly isMore: boolean;
}

/** The records of one repository. */
export type RepositoryRecords = Records &
  Whole & {
    /** So many digests in one request to the store. */
    readonly batch: number;
  };

/** The descriptors that a backend keeps, as records. */
export interface DescriptorRecords {
  repositoryScoped(name: RepositoryName, links: LinkSet): RepositoryRecords;
  /** The global records, where the backend has them. */
  unscoped?(links: LinkSet): Records;
  /** As `BlobDescriptorCacheProvider.peek`. */
  peek?(ctx: RequestContext, name: RepositoryName, links: LinkSet, digest: Digest): Entry | undefined;
}
