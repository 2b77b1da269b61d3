import type { Contents } from './contents.ts';

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
