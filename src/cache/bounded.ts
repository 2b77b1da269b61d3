import type { Budget } from '../http/body/budget.ts';
import type { RegistryCache } from './registryCache.ts';

/** The content was not read because no memory was free for it. The store did not fail, and may hold the content. */
export class NoRoom extends Error {
  override readonly name = 'NoRoom';
}

/**
 * Reads content only while the budget has room for it. The size is not known before the descriptor is read. While less
 * than half of the budget is in use, the read reserves `maxBytes` and does not wait for the descriptor; otherwise it
 * waits, and reserves the actual size. So a few reads of unknown size cannot take the room of many small ones.
 */
export function bounded(bodies: Budget, maxBytes: number, cache: RegistryCache): RegistryCache {
  const { contents } = cache;
  return {
    ...cache,
    contents: {
      ...contents,
      async get(ctx, digest, sizeOf) {
        const room = bodies.room(ctx);
        if (bodies.heldBytes >= bodies.maxBytes / 2 || !room.resize(maxBytes)) {
          const size = sizeOf ? await sizeOf() : maxBytes;
          // Content without a descriptor answers nobody.
          if (size === undefined) return undefined;
          if (!room.resize(size)) {
            ctx.emit({ kind: 'no-room', bytes: size });
            throw new NoRoom();
          }
        }
        try {
          const content = await contents.get(ctx, digest);
          if (content) room.hold(content);
          return content;
        } finally {
          room.release();
        }
      },
    },
  };
}
