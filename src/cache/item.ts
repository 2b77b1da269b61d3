import type { RequestContext } from '../context.ts';
import { type Entry, mergeConfirmations } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { isWorthStoring, type Ttls } from './freshness.ts';
import type { BlobStatter, RepositoryDescriptors } from './provider.ts';

/** An entry that has just been read; `undefined` if there is none that counts. */
export interface ReadEntry {
  readonly entry: Entry | undefined;
}

/** One thing that the cache can hold: a descriptor, a manifest with its content, or a tag with its manifest. */
export interface CacheItem<E extends Entry = Entry> {
  /**
   * Returns the stored entry, fresh or not.
   * @param read the descriptor's entry, if it has just been read
   * @throws CacheFault
   */
  stat(ctx: RequestContext, read?: ReadEntry): Promise<E | undefined>;
  /**
   * Stores an entry that the origin confirmed.
   * @param known the entry that is stored now
   * @param lookedAt the store's own time of a lookup that was over before the origin was asked
   * @returns whether the entry was written: it was worth it, and no tombstone hides it
   * @throws CacheFault
   */
  set(ctx: RequestContext, entry: E, known: E | undefined, lookedAt?: number): Promise<boolean>;
  /**
   * Forgets what the origin answered with "not found": the entry, if it was confirmed before that request was sent, and
   * not if it was confirmed later.
   * @param sentAtMs when the request that the origin denied was sent (epoch ms)
   * @param isReplaced whether `set` follows immediately
   * @throws CacheFault
   */
  clear(ctx: RequestContext, sentAtMs: number, isReplaced?: boolean): Promise<void>;
  /** Hears of an entry that is being evicted because the origin answered 404. @param sentAtMs as for `clear` */
  onLost?(entry: E, sentAtMs: number): void;
}

/**
 * Creates the item of a digest's descriptor in a repository.
 * @param reader where to read; for callers that may push, the store that all isolates share
 * @param writer where to write and clear: all tiers. Created only if needed, since few requests write
 */
export function descriptorItem(
  digest: Digest,
  { reader, writer, ttls }: { reader: BlobStatter; writer: () => RepositoryDescriptors; ttls: Ttls },
): CacheItem {
  return {
    stat: async (ctx, read) => (read ? read.entry : reader.stat(ctx, digest)),
    async set(ctx, entry, known, lookedAt) {
      // `mergeConfirmations` drops the content. The memory tier would keep it with the entry, and not count its bytes.
      const confirmed = mergeConfirmations(entry, known);
      if (!isWorthStoring(confirmed, known, ttls)) return false;
      return (await writer().setDescriptor(ctx, digest, confirmed, lookedAt)) !== 'refused';
    },
    async clear(ctx, sentAtMs, isReplaced) {
      await writer().evict(ctx, [digest], sentAtMs, isReplaced);
    },
  };
}
