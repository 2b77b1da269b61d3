import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobDescriptorService } from '../stores/descriptors.ts';
import type { EdgeEvent } from '../telemetry/events.ts';
import { errorName } from '../telemetry/log.ts';
import type { CacheItem } from './item.ts';
import type { Lookup } from './lookup.ts';

/**
 * Clears or buries, and tells it.
 * @param clearedForMs as `BlobDescriptorService.clear`
 * @throws CacheFault the store failed: the entry may still answer
 */
export async function clear(
  ctx: RequestContext,
  digest: Digest,
  writer: BlobDescriptorService,
  clearedForMs?: number,
  verb: 'clear' | 'markDeleting' = 'clear',
): Promise<void> {
  await observeClear(ctx, verb, () => writer[verb](ctx, digest, clearedForMs));
}

/** What the origin said that it does not have. */
export interface DeniedContent<E extends Entry> {
  /** What the cache knows of it. */
  readonly known: Promise<Lookup<E>>;
  /** When the question was sent, in epoch ms. */
  readonly sentAtMs: number;
  /** Whether the caller takes what was found: registries say 404 also of what is there in another media type. */
  readonly accepts?: ((entry: Entry) => boolean) | undefined;
}

/** Clears, after the reply, what was found, or found half cleared or as rubbish, and the origin does not know. */
export function evictDenied<E extends Entry>(
  ctx: RequestContext,
  item: Pick<CacheItem<E>, 'clear'>,
  { known, sentAtMs, accepts = () => true }: DeniedContent<E>,
): void {
  ctx.waitUntil(
    known.then(async (found) => {
      const isLeft = (event: EdgeEvent) => event.kind === 'half-cleared' && (!event.entry || accepts(event.entry));
      const isRubbish = found.outcome === 'fault' && found.isRubbish;
      const isThere = found.outcome === 'hit' ? accepts(found.entry) : isRubbish || ctx.events.some(isLeft);
      if (isThere) await observeClear(ctx, 'clear', () => item.clear(ctx, sentAtMs)).catch(() => undefined);
    }),
  );
}

/** Tells how a clear ended. @throws what the work throws */
export async function observeClear(
  ctx: RequestContext,
  verb: 'clear' | 'markDeleting',
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
    ctx.emit({ kind: verb, outcome: 'done' });
  } catch (fault) {
    ctx.emit({ kind: verb, outcome: 'fault' });
    ctx.log.warn(`${verb} failed`, { error: errorName(fault) });
    throw fault;
  }
}
