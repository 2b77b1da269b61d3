import { allDone } from '../async.ts';
import { type ContentEntry, type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { NoRoom } from '../stores/bounded.ts';
import type { Contents } from '../stores/contents.ts';
import type { CacheItem } from './item.ts';

/**
 * A manifest: its descriptor in the repository, and its content. Without either it is a miss.
 * @param descriptor where the descriptor of the digest is
 */
export function contentItem(digest: Digest, descriptor: CacheItem, contents: Contents): CacheItem<ContentEntry> {
  /** Its content was not read, since there was no room: that is no reason to write it anew. */
  let unread: Entry | undefined;
  return {
    async stat(ctx) {
      const described = descriptor.stat(ctx);
      const sizeOf = async () => (await described)?.descriptor.size;
      const [entry, content] = await Promise.all([described, contents.get(ctx, digest, sizeOf).catch(noRoomAsValue)]);
      unread = content instanceof NoRoom ? entry : undefined;
      const whole = entry && withContent(entry, content instanceof NoRoom ? undefined : content);
      if (entry && !whole) ctx.emit({ kind: 'half-cleared', entry });
      return whole;
    },
    async set(ctx, entry, known) {
      const there = known ?? (unread && isSameDescriptor(unread.descriptor, entry.descriptor) ? unread : undefined);
      if (there) return descriptor.set(ctx, entry, there);
      // Together: the descriptor is of use to a HEAD also where there is no room for the content.
      const writes = [contents.put(ctx, digest, entry.content), descriptor.set(ctx, entry, undefined)];
      await allDone(writes);
      return true;
    },
    clear: descriptor.clear,
  };
}

/** @throws whatever else it is */
function noRoomAsValue(reason: unknown): NoRoom {
  if (reason instanceof NoRoom) return reason;
  throw reason;
}

/** The content of an entry, if it is its. */
export function withContent(entry: Entry, content: Uint8Array | undefined): ContentEntry | undefined {
  return content?.length === entry.descriptor.size ? { ...entry, content } : undefined;
}
