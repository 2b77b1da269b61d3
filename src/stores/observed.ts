import type { StatOutcome, StoreName } from '../telemetry/events.ts';
import type { BlobDescriptorCacheProvider, BlobDescriptorService } from './descriptors.ts';

/** Tells every stat of a store as an event with its outcome and time, for headers, log and metrics. */
export function observed(store: StoreName, provider: BlobDescriptorCacheProvider): BlobDescriptorCacheProvider {
  const told = <S extends BlobDescriptorService>(service: S): S => ({
    ...service,
    async stat(ctx, digest) {
      const since = ctx.now();
      const tell = (outcome: StatOutcome) => ctx.emit({ kind: 'stat', store, outcome, ms: ctx.now() - since });
      try {
        const entry = await service.stat(ctx, digest);
        tell(entry ? 'hit' : 'miss');
        return entry;
      } catch (fault) {
        tell('fault');
        throw fault;
      }
    },
  });
  const { peek, unscoped } = provider;
  return {
    repositoryScoped: (name, links) => told(provider.repositoryScoped(name, links)),
    ...(peek && {
      peek(ctx, name, links, digest) {
        const entry = peek(ctx, name, links, digest);
        if (entry) ctx.emit({ kind: 'stat', store, outcome: 'hit', ms: 0 });
        return entry;
      },
    }),
    ...(unscoped && { unscoped: (links) => told(unscoped(links)) }),
  };
}
