import type { Contents } from './contents.ts';

/** Puts a near store in front of a far one, which is authoritative, as `tiered` does for descriptors. */
export function tieredContents(near: Contents, far: Contents): Contents {
  const { peek } = near;
  return {
    ...(peek && { peek }),
    async get(ctx, digest, sizeOf) {
      const nearContent = await near.get(ctx, digest);
      if (nearContent) return nearContent;
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
