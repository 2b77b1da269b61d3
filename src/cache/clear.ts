import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Digest } from '../oci/digest.ts';
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
  try {
    await writer[verb](ctx, digest, reachMs);
    ctx.emit({ kind: verb, outcome: 'done' });
  } catch (fault) {
    ctx.emit({ kind: verb, outcome: 'fault' });
    ctx.log.warn(`${verb} failed`, { error: errorName(fault) });
    throw fault;
  }
}

/** Clears, after the reply, what was found, or found half cleared, and the origin does not know. */
export function evict(
  ctx: RequestContext,
  digest: Digest,
  known: Promise<Lookup>,
  writer: BlobDescriptorService,
): void {
  ctx.waitUntil(
    known.then(async (found) => {
      const isLeft = found.outcome === 'hit' || ctx.events.some((event) => event.kind === 'half-cleared');
      if (isLeft) await clear(ctx, digest, writer).catch(() => undefined);
    }),
  );
}
