import type { RequestContext } from '../context.ts';
import { type BlobDescriptorCacheProvider, type BlobDescriptorService, CacheFault } from './provider.ts';

/** So many faults within this time, and reads stop for a while: each costs a caller the wait for nothing. */
const MAX_FAULTS = 5;
const FAULTS_WITHIN_MS = 10_000;
const PAUSE_MS = 30_000;

/**
 * Spares callers a store that keeps failing. While reads pause they are faults at once, so that the origin answers and
 * nothing is written back; clears always go through, since what was deleted must not answer when the store is back.
 */
export function breaker(provider: BlobDescriptorCacheProvider): BlobDescriptorCacheProvider {
  let faultsAt: number[] = [];
  let pausedUntil = 0;

  function noteFault(ctx: RequestContext): void {
    const nowMs = ctx.now();
    faultsAt = [...faultsAt.filter((at) => nowMs - at < FAULTS_WITHIN_MS), nowMs];
    if (faultsAt.length < MAX_FAULTS) return;
    faultsAt = [];
    pausedUntil = nowMs + PAUSE_MS;
    ctx.emit({ kind: 'pause', outcome: 'begun' });
    ctx.log.warn('reads of the cache pause', { ms: PAUSE_MS });
  }

  async function counted<T>(ctx: RequestContext, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (fault) {
      if (fault instanceof CacheFault) noteFault(ctx);
      throw fault;
    }
  }

  function guarded(service: BlobDescriptorService): BlobDescriptorService {
    return {
      async stat(ctx, digest) {
        if (ctx.now() >= pausedUntil) return counted(ctx, service.stat(ctx, digest));
        ctx.emit({ kind: 'pause', outcome: 'skipped' });
        throw new CacheFault('reads pause after too many faults');
      },
      setDescriptor: (ctx, digest, entry) => counted(ctx, service.setDescriptor(ctx, digest, entry)),
      clear: (ctx, digest, reachMs) => counted(ctx, service.clear(ctx, digest, reachMs)),
      bury: (ctx, digest, reachMs) => counted(ctx, service.bury(ctx, digest, reachMs)),
    };
  }

  const { unscoped } = provider;
  return {
    repositoryScoped: (name, links) => guarded(provider.repositoryScoped(name, links)),
    ...(unscoped && { unscoped: (links) => guarded(unscoped(links)) }),
  };
}
