import type { RequestContext } from '../context.ts';
import type { EdgeEvent } from '../events.ts';
import { errorName } from '../log.ts';
import type { Entry } from '../oci/descriptor.ts';
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

/** What the origin said that it does not have. */
export interface Denied<E extends Entry> {
  /** What the cache knows of it. */
  readonly known: Promise<Lookup<E>>;
  /** When the question was sent, in epoch ms. */
  readonly sentAtMs: number;
  /** Whether the caller takes what was found: registries say 404 also of what is there in another media type. */
  readonly takes?: ((entry: Entry) => boolean) | undefined;
}

/** Clears, after the reply, what was found, or found half cleared or as rubbish, and the origin does not know. */
export function evict<E extends Entry>(
  ctx: RequestContext,
  item: Pick<CacheItem<E>, 'clear'>,
  { known, sentAtMs, takes = () => true }: Denied<E>,
): void {
  ctx.waitUntil(
    known.then(async (found) => {
      const isLeft = (event: EdgeEvent) => event.kind === 'half-cleared' && (!event.entry || takes(event.entry));
      const isRubbish = found.outcome === 'fault' && found.isRubbish;
      const isThere = found.outcome === 'hit' ? takes(found.entry) : isRubbish || ctx.events.some(isLeft);
      if (isThere) await tellClear(ctx, 'clear', () => item.clear(ctx, sentAtMs)).catch(() => undefined);
    }),
  );
}

/** Tells how a clear ended. @throws what the work throws */
export async function tellClear(ctx: RequestContext, verb: 'clear' | 'bury', work: () => Promise<void>): Promise<void> {
  try {
    await work();
    ctx.emit({ kind: verb, outcome: 'done' });
  } catch (fault) {
    ctx.emit({ kind: verb, outcome: 'fault' });
    ctx.log.warn(`${verb} failed`, { error: errorName(fault) });
    throw fault;
  }
}
