import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/cache/provider.ts';

/** Wraps a provider so that every call of one method first waits; a wait that rejects makes the call fail. */
export function delayCalls(
  provider: BlobDescriptorCacheProvider,
  method: keyof RepositoryDescriptors,
  wait: () => Promise<unknown>,
): BlobDescriptorCacheProvider {
  return {
    ...provider,
    repositoryScoped(...scope) {
      const scoped = provider.repositoryScoped(...scope);
      const delayed = async (...args: unknown[]) => {
        await wait();
        return Reflect.apply(scoped[method] as (...args: unknown[]) => unknown, scoped, args);
      };
      return { ...scoped, [method]: delayed };
    },
  };
}
