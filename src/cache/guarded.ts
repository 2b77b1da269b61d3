import type { RequestContext } from '../context.ts';
import { BadRecord, CacheFault } from '../stores/faults.ts';
import type { BlobDescriptorService, RepositoryDescriptors } from './provider.ts';
import type { RegistryCache } from './registryCache.ts';

/** Reads pause after this many faults within `FAULTS_WITHIN_MS`, since each fault makes a caller wait for nothing. */
const MAX_FAULTS = 5;
const FAULTS_WITHIN_MS = 10_000;
const PAUSE_MS = 30_000;

/**
 * Runs a read and counts its faults. All readers of one store share one breaker.
 * @param counts whether a fault of this read counts against the store; true by default
 * @throws CacheFault the read failed, or reads pause
 */
export type Breaker = <T>(ctx: RequestContext, read: () => Promise<T>, counts?: boolean) => Promise<T>;

/**
 * Creates a breaker, which spares callers the wait for a store that keeps failing. During a pause every read fails at
 * once, so that the origin answers and nothing is written back.
 *
 * Writes are never paused: a clear has to reach the store, or deleted content would answer once the store is back. They
 * are not counted either: a refused write says nothing about reads (KV accepts one write a second for a key). A bad
 * record is not counted, because a store that returns one works.
 */
export function createBreaker(): Breaker {
  let recentFaultsMs: number[] = [];
  let pausedUntilMs = 0;

  function noteFault(ctx: RequestContext): void {
    const nowMs = ctx.now();
    recentFaultsMs = [...recentFaultsMs.filter((atMs) => nowMs - atMs < FAULTS_WITHIN_MS), nowMs];
    if (recentFaultsMs.length < MAX_FAULTS) return;
    recentFaultsMs = [];
    pausedUntilMs = nowMs + PAUSE_MS;
    ctx.emit({ kind: 'breaker', outcome: 'opened' });
    ctx.log.warn('the store keeps failing: reads of it are paused', { ms: PAUSE_MS });
  }

  return async (ctx, read, counts = true) => {
    if (ctx.now() < pausedUntilMs) {
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

/**
 * Puts a cache behind a breaker. A fault of a content read does not count: a large value may be late while small ones
 * are not. A store that is down is noticed all the same, since every reader of content also reads its descriptor.
 */
export function guarded(breaker: Breaker, { descriptors, contents, tags }: RegistryCache): RegistryCache {
  const guard = <S extends BlobDescriptorService>(service: S): S => ({
    ...service,
    stat: (ctx, digest) => breaker(ctx, () => service.stat(ctx, digest)),
  });
  const guardRepository = (service: RepositoryDescriptors): RepositoryDescriptors => ({
    ...guard(service),
    statEach: (ctx, digests) => breaker(ctx, () => service.statEach(ctx, digests)),
  });
  const { unscoped } = descriptors;
  return {
    descriptors: {
      isAtomic: descriptors.isAtomic,
      repositoryScoped: (name, links) => guardRepository(descriptors.repositoryScoped(name, links)),
      unscoped: unscoped && ((links) => guard(unscoped(links))),
      peek: descriptors.peek,
    },
    contents: { ...contents, get: (ctx, digest) => breaker(ctx, () => contents.get(ctx, digest), false) },
    tags: tags && { ...tags, get: (ctx, key) => breaker(ctx, () => tags.get(ctx, key)) },
  };
}
