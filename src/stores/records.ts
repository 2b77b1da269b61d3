import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { BadRecord } from './faults.ts';
import type { Clearing } from './tombstone.ts';

/** The entry and the tombstone that a store holds for a digest. */
export interface StoredRecord {
  readonly entry: Entry | undefined;
  /** The tombstone: entries confirmed until then do not count (epoch ms). 0: there is none. */
  readonly clearedUntil: number;
  /** The digest is a member of the repository but has no descriptor: whoever cleared it did not finish. */
  readonly isHalfCleared?: boolean;
}

/**
 * The records of a store: all that a backend has to implement. A backend stores and returns values as they are. Whether
 * an entry is valid and whether it counts is decided once for all backends, in `cache/descriptors.ts`. The backend
 * decides one thing only: of two tombstones the one that reaches farther stays.
 */
export interface Records {
  /** Reads the records of digests, in one request. @returns a record for each digest, or a `BadRecord` */
  read(ctx: RequestContext, digests: readonly Digest[]): Promise<readonly (StoredRecord | BadRecord)[]>;
  /** Writes the entry under each of the digests; in one step if the store can. */
  write(ctx: RequestContext, digests: ReadonlySet<Digest>, entry: Entry): Promise<void>;
  /**
   * Removes entries, as well as values that cannot be parsed, and leaves tombstones. Each digest is one step.
   * @returns for each digest, the digest that its entry named, if known: for an alias, the canonical one
   */
  clear(ctx: RequestContext, digests: readonly Digest[], clearing: Clearing): Promise<readonly (string | undefined)[]>;
  /** Leaves a tombstone and removes nothing. @param until entries confirmed until then do not count (epoch ms) */
  writeTombstone(ctx: RequestContext, digest: Digest, until: number): Promise<void>;
}

/** One page of the digests of a repository. */
export interface Page {
  readonly digests: readonly Digest[];
  /** The store's own cursor of the next page; absent at the end. */
  readonly cursor?: string | undefined;
}

/**
 * How a backend enumerates a repository: page by page, or by clearing as many entries in one step as the caller wants.
 */
type Enumeration =
  | { list(ctx: RequestContext, cursor: string | undefined): Promise<Page> }
  /** From the first step on, no entry counts. @returns the entries that counted, and whether more are left */
  | { clearAll(ctx: RequestContext, clearing: Clearing, most: number): Promise<ClearedEntries> };

export interface ClearedEntries {
  /** The digests of the entries that counted before. */
  readonly counted: readonly Digest[];
  readonly isMore: boolean;
}

/** The records of one repository. */
export type RepositoryRecords = Records &
  Enumeration & {
    /** How many digests one request to the store may have. */
    readonly batch: number;
  };

/** The descriptors of a backend, as records. */
export interface DescriptorRecords {
  repositoryScoped(name: RepositoryName, links: LinkSet): RepositoryRecords;
  /** The global records; absent if the backend has none. */
  unscoped?(links: LinkSet): Records;
  /** As `BlobDescriptorCacheProvider.peek`. */
  peek?(ctx: RequestContext, name: RepositoryName, links: LinkSet, digest: Digest): Entry | undefined;
}
