import { observeClear } from '../cache/clear.ts';
import { retentionMs } from '../cache/freshness.ts';
import type { CacheItem } from '../cache/item.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { BLOB_TYPE } from '../oci/mediaTypes.ts';
import { entryOf, isFirstHand } from '../origin/confirmation.ts';
import type { OriginResponse } from '../origin/origin.ts';
import { storesAnswersFor } from './learn.ts';
import type { Upstream } from './upstream.ts';

/**
 * Stores, after the reply, what the origin's whole answer to a GET says of a blob. The media type is stored only where the
 * answer proves it; a size that differs from the stored one evicts that.
 */
export function storeFromGet(
  ctx: RequestContext,
  upstream: Upstream,
  digest: Digest,
  item: CacheItem,
  { response, sentAt }: OriginResponse,
): void {
  const entry = entryOf(response, digest, sentAt);
  if (!entry || !isFirstHand(response) || !storesAnswersFor(ctx, upstream) || retentionMs(upstream.ttls) === 0) return;
  writeBack(ctx, evictOnSizeMismatch(item, isOwnType(ctx, upstream, entry)), entry);
}

/** Whether the media type is the origin's word, and neither the client's `Accept` nor one that only a HEAD could tell. */
function isOwnType({ request }: RequestContext, { origin }: Upstream, { descriptor: { mediaType } }: Entry): boolean {
  const isRepeated = (request.headers.get('accept') ?? '').includes(mediaType);
  return mediaType === BLOB_TYPE && !isRepeated && !origin.traits.typesBlobs;
}

/**
 * Of two sizes one is wrong, and nobody knows which: the origin is asked again. Of two media types the one that is known
 * stands, since a HEAD told it.
 */
function evictOnSizeMismatch(item: CacheItem, isOwn: boolean): CacheItem {
  return {
    ...item,
    async set(ctx, entry, known) {
      if (!known) return isOwn && item.set(ctx, entry, known);
      const { mediaType } = known.descriptor;
      const confirmed = { ...entry, descriptor: { ...entry.descriptor, mediaType } };
      if (!contradicts(entry, known)) return item.set(ctx, confirmed, known);
      ctx.log.warn('the size in the cache is contradicted', { digest: entry.descriptor.digest });
      await observeClear(ctx, 'clear', () => item.clear(ctx, entry.verifiedAt));
      return false;
    },
  };
}

function contradicts(entry: Entry, known: Entry): boolean {
  return known.descriptor.size !== entry.descriptor.size;
}
