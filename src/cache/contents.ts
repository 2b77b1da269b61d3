import type { Budget } from '../body/budget.ts';
import type { RequestContext } from '../context.ts';
import type { StoreName } from '../events.ts';
import { isContentOf } from '../oci/content.ts';
import { type ContentEntry, type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { allDone } from './allDone.ts';
import type { CacheItem } from './item.ts';
import { asCacheFault, BadRecord, CacheFault } from './provider.ts';

/**
 * Small content by its digest: manifests. What a digest stands for is the same in every repository; whether a caller may
 * have it, and whether it is still there, a descriptor of the repository tells.
 */
export interface Contents {
  /**
   * @param sizeOf how many bytes it has, where that is known; asked only where it matters
   * @returns what the digest stands for, verified; `undefined` where it is not kept
   * @throws CacheFault; NoRoom it was not read, and may be there
   */
  get(ctx: RequestContext, digest: Digest, sizeOf?: () => Promise<number | undefined>): Promise<Uint8Array | undefined>;
  /** Keeps content that was verified; what a store has no room for it leaves out. @throws CacheFault */
  put(ctx: RequestContext, digest: Digest, content: Uint8Array): Promise<void>;
  /** What `get` would answer, where that is known at once. */
  peek?(ctx: RequestContext, digest: Digest): Uint8Array | undefined;
}

export interface RawContent {
  readonly content: Uint8Array;
  /**
   * Lets it live on, once it is found sound: content that is read has to be there as long as its descriptor, which the
   * origin confirms anew. Absent where there is no need.
   */
  renew?: (() => Promise<void>) | undefined;
}

/** What a backend has to do. */
export interface RawContents {
  /** @throws BadRecord what is there is no content */
  read(ctx: RequestContext, digest: Digest): Promise<RawContent | undefined>;
  write(ctx: RequestContext, digest: Digest, content: Uint8Array): Promise<void>;
  remove(digest: Digest): Promise<void>;
}

/** Verifies what comes out of a store that others may write to; what is corrupted is removed, and a miss. */
export function verified(store: StoreName, raw: RawContents): Contents {
  return {
    async get(ctx, digest) {
      const since = ctx.now();
      try {
        const found = await raw.read(ctx, digest).catch(badAsValue);
        const isSound = found && !(found instanceof BadRecord) && (await isContentOf(digest, found.content));
        ctx.emit({ kind: 'stat', store, outcome: isSound ? 'hit' : 'miss', ms: ctx.now() - since });
        if (!found) return undefined;
        if (isSound) {
          if (found.renew) ctx.waitUntil(found.renew());
          return found.content;
        }
        ctx.log.warn('corrupted content', { store, digest });
        await raw.remove(digest).catch(() => undefined);
        return undefined;
      } catch (cause) {
        ctx.emit({ kind: 'stat', store, outcome: 'fault', ms: ctx.now() - since });
        throw new CacheFault('get failed', { cause });
      }
    },
    async put(ctx, digest, content) {
      await asCacheFault('put', () => raw.write(ctx, digest, content));
    },
  };
}

/** @throws whatever else it is */
function badAsValue(fault: unknown): BadRecord {
  if (fault instanceof BadRecord) return fault;
  throw fault;
}

/** There is no room to read it into: no fault of the store, and nothing is known of what it has. */
export class NoRoom extends Error {
  override readonly name = 'NoRoom';
}

/**
 * Reads content only where there is room for it. How large it is, nobody knows before its descriptor is read: while less
 * than half of all is held, there is room for the largest, and both are read at once; else one after the other, and the
 * room is for what there is. So a few reads do not take the room of many small ones.
 */
export function boundedContents(bodies: Budget, contents: Contents, maxBytes: number): Contents {
  return {
    ...contents,
    async get(ctx, digest, sizeOf) {
      const room = bodies.room(ctx);
      if (bodies.heldBytes >= bodies.maxBytes / 2 || !room.resize(maxBytes)) {
        const size = sizeOf ? await sizeOf() : maxBytes;
        // Without a descriptor it answers nobody.
        if (size === undefined) return undefined;
        if (!room.resize(size)) {
          ctx.emit({ kind: 'no-room', bytes: size });
          throw new NoRoom();
        }
      }
      try {
        const content = await contents.get(ctx, digest);
        if (content) room.keep(content);
        return content;
      } finally {
        room.release();
      }
    },
  };
}

/** A near store in front of a far one, which is the truth. */
export function tieredContents(near: Contents, far: Contents): Contents {
  const { peek } = near;
  return {
    ...(peek && { peek }),
    async get(ctx, digest, sizeOf) {
      const known = await near.get(ctx, digest);
      if (known) return known;
      const content = await far.get(ctx, digest, sizeOf);
      if (content) await near.put(ctx, digest, content);
      return content;
    },
    async put(ctx, digest, content) {
      await far.put(ctx, digest, content);
      await near.put(ctx, digest, content);
    },
  };
}

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
