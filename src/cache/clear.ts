import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Digest } from '../oci/digest.ts';
import type { CacheItem } from './item.ts';
import type { Lookup } from './lookup.ts';
import type { BlobDescriptorService } from './provider.ts';

/**
 * Clears or buries, and tells it.
 * @param reachMs as `BlobDescriptorService.clear`
 * @throws CacheFault the store failed: the entry may still answer
 */
export async function clear(
  ctx: RequestContext,
  digest: Digest,
  writer: BlobDescriptorService,
  reachMs?: number,
  verb: 'clear' | 'bury' = 'clear',
): Promise<void> {
  await tellClear(ctx, verb, () => writer[verb](ctx, digest, reachMs));
}

/** Clears, after the reply, what was found, or found half cleared, and the origin does not know. */
export function evict(ctx: RequestContext, item: Pick<CacheItem, 'clear'>, known: Promise<Lookup>): void {
  ctx.waitUntil(
    known.then(async (found) => {
      const isLeft = found.outcome === 'hit' || ctx.events.some((event) => event.kind === 'half-cleared');
      if (isLeft) await tellClear(ctx, 'clear', () => item.clear(ctx)).catch(() => undefined);
    }),
  );
}

/** @throws what the work throws */
async function tellClear(ctx: RequestContext, verb: 'clear' | 'bury', work: () => Promise<void>): Promise<void> {
  try {
    await work();
    ctx.emit({ kind: verb, outcome: 'done' });
  } catch (fault) {
    ctx.emit({ kind: verb, outcome: 'fault' });
    ctx.log.warn(`${verb} failed`, { error: errorName(fault) });
    throw fault;
  }
}
