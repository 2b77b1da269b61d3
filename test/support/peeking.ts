import { expect } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';

/** Wraps a provider so that every `stat` checks `peek` first: it returns nothing, or what that `stat` then returns. */
export function checkPeeks(provider: BlobDescriptorCacheProvider): BlobDescriptorCacheProvider {
  return {
    ...provider,
    repositoryScoped(name, links) {
      const scoped = provider.repositoryScoped(name, links);
      return {
        ...scoped,
        async stat(ctx, digest) {
          const peeked = provider.peek?.(ctx, name, links, digest);
          const entry = await scoped.stat(ctx, digest);
          if (peeked) expect(peeked).toEqual(entry);
          return entry;
        },
      };
    },
  };
}
