import type { StatOutcome, StoreName } from '../telemetry/events.ts';
import type { BlobDescriptorCacheProvider, BlobDescriptorService } from './descriptors.ts';

/** Emits an event for every stat, with its outcome and duration, for headers, log and metrics. */
export function observedDescriptors(
  store: StoreName,
  provider: BlobDescriptorCacheProvider,
): BlobDescriptorCacheProvider {
  const observeStat = <S extends BlobDescriptorService>(service: S): S => ({
    ...service,
    async stat(ctx, digest) {
      const startedAt = ctx.now();
      const emit = (outcome: StatOutcome) => ctx.emit({ kind: 'stat', store, outcome, ms: ctx.now() - startedAt });
      try {
        const entry = await service.stat(ctx, digest);
        emit(entry ? 'hit' : 'miss');
        return entry;
      } catch (fault) {
        emit('fault');
        throw fault;
      }
    },
  });
  const { peek, unscoped } = provider;
  return {
    repositoryScoped: (name, links) => observeStat(provider.repositoryScoped(name, links)),
    ...(peek && {
      peek(ctx, name, links, digest) {
        const entry = peek(ctx, name, links, digest);
        if (entry) ctx.emit({ kind: 'stat', store, outcome: 'hit', ms: 0 });
        return entry;
      },
    }),
    ...(unscoped && { unscoped: (links) => observeStat(unscoped(links)) }),
  };
}
