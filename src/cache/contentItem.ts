import { allDone } from '../async.ts';
import { type ContentEntry, type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { NoRoom } from './bounded.ts';
import type { Contents } from './contents.ts';
import type { CacheItem } from './item.ts';

/**
 * Combines the descriptor of a manifest in its repository with the content. If either is missing, the item is a miss.
 * @param descriptor the item of the digest's descriptor
 */
export function contentItem(digest: Digest, descriptor: CacheItem, contents: Contents): CacheItem<ContentEntry> {
  /** The entry whose content was not read because there was no room; that is no reason to write the content again. */
  let unread: Entry | undefined;
  return {
    async stat(ctx, read) {
      const looking = descriptor.stat(ctx, read);
      const sizeOf = async () => (await looking)?.descriptor.size;
      const [entry, content] = await Promise.all([looking, contents.get(ctx, digest, sizeOf).catch(noRoomAsValue)]);
      unread = content instanceof NoRoom ? entry : undefined;
      const whole = entry && withContent(entry, content instanceof NoRoom ? undefined : content);
      if (entry && !whole) ctx.emit({ kind: 'half-cleared', entry });
      return whole;
    },
    async set(ctx, entry, known, lookedAt) {
      const stored = known ?? (unread && isSameDescriptor(unread.descriptor, entry.descriptor) ? unread : undefined);
      if (stored) return descriptor.set(ctx, entry, stored, lookedAt);
      // The two writes do not wait for each other: the descriptor answers HEADs even if the content cannot be stored.
      const writes = [contents.put(ctx, digest, entry.content), descriptor.set(ctx, entry, undefined, lookedAt)];
      await allDone(writes);
      return true;
    },
    clear: descriptor.clear,
  };
}

/** @throws every other reason */
function noRoomAsValue(reason: unknown): NoRoom {
  if (reason instanceof NoRoom) return reason;
  throw reason;
}

/** Adds content to an entry; `undefined` if there is none, or if its size is not the entry's. */
export function withContent(entry: Entry, content: Uint8Array | undefined): ContentEntry | undefined {
  return content?.length === entry.descriptor.size ? { ...entry, content } : undefined;
}
