import type { RequestContext } from '../context.ts';
import type { Contents } from './contents.ts';
import { type BlobDescriptorCacheProvider, type BlobDescriptorService, CacheFault } from './provider.ts';
import type { Tags } from './tags.ts';

/** So many faults within this time, and reads stop for a while: each costs a caller the wait for nothing. */
const MAX_FAULTS = 5;
const FAULTS_WITHIN_MS = 10_000;
const PAUSE_MS = 30_000;

/** Counts the faults of one store, whatever is asked of it. */
export interface Breaker {
  /** A read, which pauses after too many faults. @throws CacheFault */
  read<T>(ctx: RequestContext, work: () => Promise<T>): Promise<T>;
  /** What always goes through. */
  always<T>(ctx: RequestContext, work: () => Promise<T>): Promise<T>;
}

/**
 * Spares callers a store that keeps failing. While reads pause they are faults at once, so that the origin answers and
 * nothing is written back; clears always go through, since what was deleted must not answer when the store is back.
 */
export function createBreaker(): Breaker {
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

  async function always<T>(ctx: RequestContext, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (fault) {
      if (fault instanceof CacheFault) noteFault(ctx);
      throw fault;
    }
  }

  return {
    always,
    async read(ctx, work) {
      if (ctx.now() >= pausedUntil) return always(ctx, work);
      ctx.emit({ kind: 'pause', outcome: 'skipped' });
      throw new CacheFault('reads pause after too many faults');
    },
  };
}

/** Descriptors behind a breaker. */
export function guarded(breaker: Breaker, provider: BlobDescriptorCacheProvider): BlobDescriptorCacheProvider {
  const guard = (service: BlobDescriptorService): BlobDescriptorService => ({
    stat: (ctx, digest) => breaker.read(ctx, () => service.stat(ctx, digest)),
    setDescriptor: (ctx, digest, entry) => breaker.always(ctx, () => service.setDescriptor(ctx, digest, entry)),
    clear: (ctx, digest, reachMs) => breaker.always(ctx, () => service.clear(ctx, digest, reachMs)),
    bury: (ctx, digest, reachMs) => breaker.always(ctx, () => service.bury(ctx, digest, reachMs)),
  });
  const { unscoped } = provider;
  return {
    repositoryScoped: (name, links) => guard(provider.repositoryScoped(name, links)),
    ...(unscoped && { unscoped: (links) => guard(unscoped(links)) }),
  };
}

/** Content behind a breaker. */
export function guardedContents(breaker: Breaker, contents: Contents): Contents {
  return {
    get: (ctx, digest) => breaker.read(ctx, () => contents.get(ctx, digest)),
    put: (ctx, digest, content) => breaker.always(ctx, () => contents.put(ctx, digest, content)),
  };
}

/** Tags behind a breaker. */
export function guardedTags(breaker: Breaker, tags: Tags): Tags {
  return {
    get: (ctx, key) => breaker.read(ctx, () => tags.get(ctx, key)),
    set: (ctx, key, pointer) => breaker.always(ctx, () => tags.set(ctx, key, pointer)),
    drop: (ctx, name, tag) => breaker.always(ctx, () => tags.drop(ctx, name, tag)),
  };
}
