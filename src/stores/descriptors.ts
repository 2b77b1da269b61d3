import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';

/** Answers what a digest stands for. Three outcomes: an entry is a hit, `undefined` a miss, a throw a fault. */
export interface BlobStatter {
  /** @throws CacheFault the store failed, or held what is no entry */
  stat(ctx: RequestContext, digest: Digest): Promise<Entry | undefined>;
}

/** The three verbs of `distribution`'s `BlobDescriptorService`, and one for a delete that is under way. */
export interface BlobDescriptorService extends BlobStatter {
  /**
   * Stores an entry under `digest`. With another algorithm's digest (provisional) the canonical one is written as well,
   * and the alias answers only while its canonical entry does. An entry confirmed before the digest was cleared stays
   * cleared, however late it is written.
   * @throws RegistryError what was given is no valid entry; CacheFault the store failed
   */
  setDescriptor(ctx: RequestContext, digest: Digest, entry: Entry): Promise<void>;
  /**
   * Removes the entry, and of an alias the canonical entry too, and leaves a tombstone. Idempotent.
   * @param clearedForMs how far into the future the tombstone reaches: nothing confirmed until then counts. At least, and
   *   without it, what two clocks may differ. A tombstone that stands already and reaches farther stays: tombstones grow
   *   and never shrink.
   * @throws CacheFault the store failed: the entry may still answer
   */
  clear(ctx: RequestContext, digest: Digest, clearedForMs?: number): Promise<void>;
  /**
   * Leaves a tombstone and removes nothing: while a delete is under way the entry does not count, and a registry that
   * has the store too still finds what it wrote.
   * @throws CacheFault as `clear`
   */
  markDeleting(ctx: RequestContext, digest: Digest, clearedForMs?: number): Promise<void>;
}

/** What a page of a purge removed: entries that could still have answered. */
export interface PurgedPage {
  readonly removed: ReadonlySet<Digest>;
  /** Where the next page begins, in the store's own words; absent at the end. */
  readonly cursor?: string | undefined;
}

/** A repository's descriptors, one and many. */
export interface RepositoryDescriptors extends BlobDescriptorService {
  /** So many digests are looked up in one request to the store that all isolates share. */
  readonly batch: number;
  /**
   * Forgets what the origin does not have. Of the digests only those are cleared that are there and were confirmed before
   * the origin was asked; the tombstone is that time. The others are left alone: no tombstone, no write.
   * @param sentAtMs when the question that the origin denied was sent, in epoch ms
   * @param isReplaced whether `setDescriptor` follows at once
   * @returns which were there, canonical digests of aliases among them
   * @throws CacheFault the store failed: what was there may still answer
   */
  evict(
    ctx: RequestContext,
    digests: Iterable<Digest>,
    sentAtMs: number,
    isReplaced?: boolean,
  ): Promise<ReadonlySet<Digest>>;
  /**
   * Leaves the tombstone of an eviction for each of the digests, there or not, and removes nothing.
   * @param sentAtMs as `evict` @throws CacheFault as `evict`
   */
  markEvicted(ctx: RequestContext, digests: Iterable<Digest>, sentAtMs: number): Promise<void>;
  /** Clears each of the digests, there or not, in as few requests as the store takes. @param clearedForMs and @throws as `clear` */
  clearEach(ctx: RequestContext, digests: Iterable<Digest>, clearedForMs?: number): Promise<void>;
  /**
   * Clears those of the digests that are there, whenever they were confirmed, and leaves the others alone.
   * @returns and @throws as `evict`
   */
  clearPresent(ctx: RequestContext, digests: Iterable<Digest>): Promise<ReadonlySet<Digest>>;
  /**
   * Clears a page of all that is there.
   * @param cursor of the page before
   * @param most of how many digests, where the store would clear more of them at once
   * @throws CacheFault as `evict`
   */
  purge(ctx: RequestContext, cursor?: string, most?: number): Promise<PurgedPage>;
}

/** A store of descriptors in which no repository sees another's. */
export interface BlobDescriptorCacheProvider {
  /** @throws RegistryError NAME_INVALID */
  repositoryScoped(name: RepositoryName, links: LinkSet): RepositoryDescriptors;
  /**
   * What `stat` would answer, where that is known at once and a hit; `undefined` tells nothing. Absent where every answer
   * has to be waited for.
   */
  peek?(ctx: RequestContext, name: RepositoryName, links: LinkSet, digest: Digest): Entry | undefined;
  /**
   * The global record of a digest, for operators; absent where the store has none. It tells no membership and nothing
   * of a confirmation (`verifiedAt` 0). Clearing it makes every repository's entry a miss until it is confirmed anew.
   */
  unscoped?(links: LinkSet): BlobDescriptorService;
}
