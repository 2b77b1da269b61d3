import type { Budget } from '../http/body/budget.ts';
import type { Contents } from './contents.ts';

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
