import type { RequestContext } from '../context.ts';
import type { Contents } from './contents.ts';
import type { BlobDescriptorCacheProvider, BlobDescriptorService } from './descriptors.ts';
import { BadRecord, CacheFault } from './faults.ts';
import type { Tags } from './tags.ts';

/** So many faults within this time, and reads stop for a while: each costs a caller the wait for nothing. */
const MAX_FAULTS = 5;
const FAULTS_WITHIN_MS = 10_000;
const PAUSE_MS = 30_000;

/**
 * Does a read, and counts its faults: all that reads one store has one.
 * @param counts whether a fault tells of the store; without it, it does
 * @throws CacheFault
 */
export type Breaker = <T>(ctx: RequestContext, read: () => Promise<T>, counts?: boolean) => Promise<T>;

/**
 * Spares callers a store that keeps failing. While reads pause they are faults at once, so that the origin answers and
 * nothing is written back. Writes neither pause nor count: clears have to go through, since what was deleted must not
 * answer when the store is back, and one that is refused (KV takes one a second for a key) says nothing of reads. Nor does
 * a bad record: who holds one is well.
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
    ctx.emit({ kind: 'breaker', outcome: 'opened' });
    ctx.log.warn('reads of the cache pause', { ms: PAUSE_MS });
  }

  return async (ctx, read, counts = true) => {
    if (ctx.now() < pausedUntil) {
      ctx.emit({ kind: 'breaker', outcome: 'skipped' });
      throw new CacheFault('reads pause after too many faults');
    }
    try {
      return await read();
    } catch (fault) {
      if (counts && fault instanceof CacheFault && !(fault instanceof BadRecord)) noteFault(ctx);
      throw fault;
    }
  };
}

/** Descriptors behind a breaker. */
export function guarded(breaker: Breaker, provider: BlobDescriptorCacheProvider): BlobDescriptorCacheProvider {
  const guard = <S extends BlobDescriptorService>(service: S): S => ({
    ...service,
    stat: (ctx, digest) => breaker(ctx, () => service.stat(ctx, digest)),
  });
  const { unscoped } = provider;
  return {
    repositoryScoped: (name, links) => guard(provider.repositoryScoped(name, links)),
    ...(unscoped && { unscoped: (links) => guard(unscoped(links)) }),
  };
}

/**
 * Content behind a breaker. That a large value is late says nothing of the small ones, and whoever reads content reads its
 * descriptor too, of which a store that is down fails to answer.
 */
export function guardedContents(breaker: Breaker, contents: Contents): Contents {
  return { ...contents, get: (ctx, digest) => breaker(ctx, () => contents.get(ctx, digest), false) };
}

/** Tags behind a breaker. */
export function guardedTags(breaker: Breaker, tags: Tags): Tags {
  return { ...tags, get: (ctx, key) => breaker(ctx, () => tags.get(ctx, key)) };
}
