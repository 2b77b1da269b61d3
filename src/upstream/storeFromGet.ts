import { observeClear } from '../cache/clear.ts';
import type { CacheItem } from '../cache/item.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { BLOB_TYPE } from '../oci/mediaTypes.ts';
import { entryOf } from '../origin/confirmation.ts';
import type { OriginResponse } from '../origin/origin.ts';
import type { Repository } from './repository.ts';
import { isStorable } from './storeFromPush.ts';

/**
 * Stores, after the reply, the descriptor that the origin's complete answer to a GET of a blob gives. The media type is
 * stored only if the answer proves it. If the size differs from the stored one, the stored entry is evicted instead.
 * @returns a promise that settles when the write is over, and never rejects; `undefined`: nothing is worth one
 */
export function storeFromGet(
  repository: Repository,
  digest: Digest,
  { response, sentAt }: OriginResponse,
): Promise<void> | undefined {
  const entry = entryOf(response, digest, sentAt);
  if (!entry || !isStorable(repository, response)) return undefined;
  const item = evictOnSizeMismatch(repository.item('blobs', digest), isTypeProven(repository, entry));
  return writeBack(repository.ctx, item, entry);
}

/**
 * Whether the answer to a GET proves the blob's media type. It does so only for the generic type of blobs, if that does
 * not repeat the client's `Accept`, and if this origin gives blobs no types of their own, which only a HEAD reveals.
 */
function isTypeProven(
  { ctx: { request }, upstream: { origin } }: Repository,
  { descriptor: { mediaType } }: Entry,
): boolean {
  const isRepeated = (request.headers.get('accept') ?? '').includes(mediaType);
  return mediaType === BLOB_TYPE && !isRepeated && !origin.traits.typesBlobs;
}

/**
 * Wraps an item so that a write compares itself with the stored entry. If the sizes differ, one of them is wrong and
 * nobody knows which: the entry is evicted, and the origin is asked again. If the media types differ, the stored one is
 * kept, because a HEAD gave it.
 */
function evictOnSizeMismatch(item: CacheItem, isTypeProven: boolean): CacheItem {
  return {
    ...item,
    async set(ctx, entry, known) {
      if (!known) return isTypeProven && item.set(ctx, entry, known);
      const { mediaType } = known.descriptor;
      const confirmed = { ...entry, descriptor: { ...entry.descriptor, mediaType } };
      if (entry.descriptor.size === known.descriptor.size) return item.set(ctx, confirmed, known);
      ctx.log.warn('the cached size of a blob is contradicted by the origin: evicting it', {
        digest: entry.descriptor.digest,
      });
      await observeClear(ctx, 'clear', () => item.clear(ctx, entry.verifiedAt));
      return false;
    },
  };
}
