import type { RequestContext } from '../context.ts';
import { confirmedBy, type Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobStatter, RepositoryDescriptors } from '../stores/descriptors.ts';
import { isWorthStoring, type Ttls } from './freshness.ts';

/**
 * One thing that the cache may know, whatever it takes to know it: a descriptor; a manifest with its content; what a tag
 * points to.
 */
export interface CacheItem<E extends Entry = Entry> {
  /** What is known of it: fresh or not. @throws CacheFault */
  stat(ctx: RequestContext): Promise<E | undefined>;
  /**
   * Keeps what the origin confirmed.
   * @param known what stands there
   * @returns whether it was worth a write
   * @throws CacheFault
   */
  set(ctx: RequestContext, entry: E, known: E | undefined): Promise<boolean>;
  /**
   * Forgets it, since the origin does not know it: what was confirmed before the origin was asked, and nothing later.
   * @param sentAtMs when the question that the origin denied was sent, in epoch ms
   * @param isReplaced whether `set` follows at once
   * @throws CacheFault
   */
  clear(ctx: RequestContext, sentAtMs: number, isReplaced?: boolean): Promise<void>;
}

/**
 * The descriptor of a digest in a repository.
 * @param reader where to look; for callers that may push, the store that all isolates share
 * @param writer where to write and clear: all tiers; few requests come to that
 */
export function descriptorItem(
  digest: Digest,
  { reader, writer, ttls }: { reader: BlobStatter; writer: () => RepositoryDescriptors; ttls: Ttls },
): CacheItem {
  return {
    stat: (ctx) => reader.stat(ctx, digest),
    async set(ctx, entry, known) {
      // Without the content that it may have: what keeps it in memory would keep that as well, which is counted elsewhere.
      const confirmed = confirmedBy(entry, known);
      if (!isWorthStoring(confirmed, known, ttls)) return false;
      await writer().setDescriptor(ctx, digest, confirmed);
      return true;
    },
    async clear(ctx, sentAtMs, isReplaced) {
      await writer().evict(ctx, [digest], sentAtMs, isReplaced);
    },
  };
}
