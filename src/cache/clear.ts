import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { EdgeEvent } from '../telemetry/events.ts';
import { errorName } from '../telemetry/log.ts';
import type { CacheItem } from './item.ts';
import type { Lookup } from './lookup.ts';
import type { BlobDescriptorService } from './provider.ts';

/**
 * Clears a digest, or marks it as being deleted, and emits the outcome.
 * @param clearedForMs as for `BlobDescriptorService.clear`
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

/** Content that the origin answered with "not found". */
export interface DeniedContent<E extends Entry> {
  /** The result of looking it up in the cache. */
  readonly known: Promise<Lookup<E>>;
  /** When the request was sent to the origin (epoch ms). */
  readonly sentAtMs: number;
  /**
   * Whether the caller accepts the entry's media type; by default it accepts all. Some registries answer 404 if it does
   * not.
   */
  readonly accepts?: ((entry: Entry) => boolean) | undefined;
}

/**
 * Clears, after the reply, an entry of denied content. A half-cleared entry and a malformed record are cleared as well.
 */
export function evictDenied<E extends Entry>(
  ctx: RequestContext,
  item: Pick<CacheItem<E>, 'clear' | 'onLost'>,
  { known, sentAtMs, accepts = () => true }: DeniedContent<E>,
): void {
  ctx.waitUntil(
    known.then(async (found) => {
      const isHalfCleared = (event: EdgeEvent) =>
        event.kind === 'half-cleared' && (!event.entry || accepts(event.entry));
      const isMalformed = found.outcome === 'fault' && found.isMalformed;
      const isPresent = found.outcome === 'hit' ? accepts(found.entry) : isMalformed || ctx.events.some(isHalfCleared);
      if (isPresent && found.outcome === 'hit') item.onLost?.(found.entry, sentAtMs);
      if (isPresent) await observeClear(ctx, 'evict', () => item.clear(ctx, sentAtMs)).catch(() => undefined);
    }),
  );
}

/** Runs a clear and emits its outcome. @throws what the work throws */
export async function observeClear(
  ctx: RequestContext,
  verb: 'clear' | 'evict' | 'markDeleting',
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
