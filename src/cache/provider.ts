import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';

/** Looks up the entry of a digest. There are three outcomes: an entry is a hit, `undefined` a miss, a throw a fault. */
export interface BlobStatter {
  /** @throws CacheFault the store failed, or its value is not an entry */
  stat(ctx: RequestContext, digest: Digest): Promise<Entry | undefined>;
}

/** The three verbs of `distribution`'s `BlobDescriptorService`, and one for a delete in progress. */
export interface BlobDescriptorService extends BlobStatter {
  /**
   * Stores an entry under `digest`. If `digest` is an alias, that is, not the entry's canonical digest, the entry is
   * stored under the canonical digest as well, and the alias answers only while the canonical entry does. An entry that
   * was confirmed before the digest was cleared stays cleared, however late it is written.
   * @param lookedAt the store's own time of a lookup that was over before the origin was asked, if the store gave one:
   *   then its clock decides, and no other
   * @returns `refused` if the store found that the entry stays cleared
   * @throws RegistryError the entry is invalid
   * @throws CacheFault the store failed
   */
  setDescriptor(ctx: RequestContext, digest: Digest, entry: Entry, lookedAt?: number): Promise<'refused' | undefined>;
  /**
   * Removes the entry and leaves a tombstone; for an alias, also does both for the canonical digest. Idempotent.
   * @param clearedForMs how far into the future the tombstone reaches, in ms: no entry confirmed until then counts. At
   *   least `CLOCK_SKEW_MS`, which is also the default. An existing tombstone that reaches farther stays.
   * @throws CacheFault the store failed: the entry may still answer
   */
  clear(ctx: RequestContext, digest: Digest, clearedForMs?: number): Promise<void>;
  /**
   * Leaves a tombstone and removes nothing. While a delete is in progress the entry does not count, but a registry that
   * shares the store still finds the entry that it wrote.
   * @param clearedForMs as for `clear`
   * @throws CacheFault the store failed: the entry may still answer
   */
  markDeleting(ctx: RequestContext, digest: Digest, clearedForMs?: number): Promise<void>;
}

/** The entries that one page of a purge removed; only those that could still have answered. */
export interface PurgedPage {
  readonly removed: ReadonlySet<Digest>;
  /** The store's own cursor of the next page; absent at the end. */
  readonly cursor?: string | undefined;
}

/** What a store holds for one digest. */
export interface FoundEntry {
  /** The entry, if there is one that counts. */
  readonly entry: Entry | undefined;
  /** The tombstone: what was confirmed until then does not count (epoch ms). 0: there is none. */
  readonly clearedUntil: number;
  /** When the store was read, by its own clock (epoch ms), if it has one. */
  readonly lookedAt: number | undefined;
}

/** One page of what a store holds of a repository. */
export interface ListedPage {
  /** By digest; a digest whose record is malformed is left out. */
  readonly found: ReadonlyMap<Digest, FoundEntry>;
  /** The store's own cursor of the next page; absent at the end. */
  readonly cursor?: string | undefined;
}

/** A repository's descriptors, with operations on one digest and on many. */
export interface RepositoryDescriptors extends BlobDescriptorService {
  /** How many digests one request to the shared store looks up. */
  readonly batch: number;
  /**
   * Looks up many digests in the shared store, in as few requests as it allows. Tiers in front of it are left out.
   * @returns what is stored for each digest; a digest whose record is malformed is left out
   * @throws CacheFault the store failed
   */
  statEach(ctx: RequestContext, digests: Iterable<Digest>): Promise<ReadonlyMap<Digest, FoundEntry>>;
  /**
   * Evicts digests that the origin answered with "not found". Clears only entries that are present and were confirmed
   * before the request was sent to the origin; the tombstone holds that time. The other digests get no tombstone and no
   * write.
   * @param sentAtMs when the request that the origin denied was sent (epoch ms)
   * @param isReplaced whether `setDescriptor` follows immediately
   * @returns the digests that were present, including the canonical digests of aliases
   * @throws CacheFault the store failed: entries may still answer
   */
  evict(
    ctx: RequestContext,
    digests: Iterable<Digest>,
    sentAtMs: number,
    isReplaced?: boolean,
  ): Promise<ReadonlySet<Digest>>;
  /**
   * Leaves the tombstone of an eviction for each digest, present or not, and removes nothing.
   * @param sentAtMs as for `evict`
   * @throws CacheFault the store failed: entries may still answer
   */
  markEvicted(ctx: RequestContext, digests: Iterable<Digest>, sentAtMs: number): Promise<void>;
  /**
   * Clears each digest, present or not, in as few requests as the store allows.
   * @param clearedForMs as for `clear`
   * @throws CacheFault the store failed: entries may still answer
   */
  clearEach(ctx: RequestContext, digests: Iterable<Digest>, clearedForMs?: number): Promise<void>;
  /**
   * Clears the digests that are present, whenever they were confirmed. The others get no tombstone.
   * @returns the digests that were present, including the canonical digests of aliases
   * @throws CacheFault the store failed: entries may still answer
   */
  clearPresent(ctx: RequestContext, digests: Iterable<Digest>): Promise<ReadonlySet<Digest>>;
  /**
   * Lists one page of the repository's entries in the shared store, for operators.
   * @param cursor the cursor that the previous page returned; without it, the first page
   * @throws CacheFault the store failed
   */
  list(ctx: RequestContext, cursor?: string): Promise<ListedPage>;
  /**
   * Clears one page of the repository's entries.
   * @param cursor the cursor that the previous page returned; without it, the first page
   * @param most the largest number of digests, for a store that would otherwise clear more at once
   * @throws CacheFault the store failed: entries may still answer
   */
  purge(ctx: RequestContext, cursor?: string, most?: number): Promise<PurgedPage>;
}

/** The descriptor cache, in which no repository sees the descriptors of another. */
export interface BlobDescriptorCacheProvider {
  /** As `Store.isAtomic`. */
  readonly isAtomic: boolean;
  /** @throws RegistryError NAME_INVALID */
  repositoryScoped(name: RepositoryName, links: LinkSet): RepositoryDescriptors;
  /**
   * Returns the entry that `stat` would return, if it is known without waiting; `undefined` says nothing. Absent if the
   * store always has to be waited for.
   */
  readonly peek:
    | ((ctx: RequestContext, name: RepositoryName, links: LinkSet, digest: Digest) => Entry | undefined)
    | undefined;
  /**
   * Returns the global records of digests, for operators; absent if the store has none. A global record proves neither
   * membership nor a confirmation (`verifiedAt` is 0). Clearing it makes the entry of every repository a miss until the
   * origin confirms that entry again.
   */
  readonly unscoped: ((links: LinkSet) => BlobDescriptorService) | undefined;
}
