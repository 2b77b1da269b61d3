import { expect } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../src/stores/descriptors.ts';

/** Holds a provider to its word: before every stat, what `peek` tells is nothing, or what that stat then answers. */
export function peeking(provider: BlobDescriptorCacheProvider): BlobDescriptorCacheProvider {
  return {
    ...provider,
    repositoryScoped(name, links) {
      const scoped = provider.repositoryScoped(name, links);
      return {
        ...scoped,
        async stat(ctx, digest) {
          const peeked = provider.peek?.(ctx, name, links, digest);
          const found = await scoped.stat(ctx, digest);
          if (peeked) expect(peeked).toEqual(found);
          return found;
        },
      };
    },
  };
}
