import { checkEntry } from '../oci/descriptor.ts';
import { parseDigest } from '../oci/digest.ts';
import { parseRepositoryName } from '../oci/name.ts';
import { type BlobDescriptorCacheProvider, type BlobDescriptorService, CacheFault } from './provider.ts';

/**
 * Holds a backend to its types on the way in *and* out: stores are shared with other writers, so what comes back is
 * checked before anybody relies on it. Every backend's factory returns itself wrapped in this.
 */
export function validated(backend: BlobDescriptorCacheProvider): BlobDescriptorCacheProvider {
  return {
    repositoryScoped(name, links): BlobDescriptorService {
      const scoped = backend.repositoryScoped(parseRepositoryName(name), links);
      return {
        async stat(ctx, digest) {
          parseDigest(digest);
          try {
            const entry = await scoped.stat(ctx, digest);
            if (entry) checkEntry(digest, entry);
            return entry;
          } catch (cause) {
            throw new CacheFault('stat failed', { cause });
          }
        },
        async setDescriptor(ctx, digest, entry) {
          checkEntry(parseDigest(digest), entry);
          try {
            await scoped.setDescriptor(ctx, digest, entry);
          } catch (cause) {
            throw new CacheFault('setDescriptor failed', { cause });
          }
        },
        async clear(ctx, digest) {
          parseDigest(digest);
          try {
            await scoped.clear(ctx, digest);
          } catch (cause) {
            throw new CacheFault('clear failed', { cause });
          }
        },
      };
    },
  };
}
