import type { Contents } from './contents.ts';
import type { BlobDescriptorCacheProvider } from './provider.ts';
import type { RegistryCache } from './registryCache.ts';
import type { Tags } from './tags.ts';
import { tieredDescriptors } from './tieredDescriptors.ts';

/**
 * Puts a near cache in front of a far one, which is authoritative. Tags are those of the far one alone: they move, and
 * a copy would not learn of that.
 */
export function tiered(near: RegistryCache, far: RegistryCache): RegistryCache {
  return {
    descriptors: tieredDescriptors(near.descriptors, far.descriptors),
    contents: tieredContents(near.contents, far.contents),
    tags: far.tags && tieredTags(near.descriptors, far.tags),
  };
}

/** Copies into memory the manifest that the far store returned with a tag, as every entry that it returns. */
function tieredTags(near: BlobDescriptorCacheProvider, far: Tags): Tags {
  return {
    ...far,
    async get(ctx, key) {
      const found = await far.get(ctx, key);
      const entry = found?.manifest?.entry;
      const copying = entry && near.repositoryScoped(key.name, 'manifests').setDescriptor(ctx, found.digest, entry);
      await copying?.catch(() => undefined);
      return found;
    },
  };
}

function tieredContents(near: Contents, far: Contents): Contents {
  return {
    peek: near.peek,
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
