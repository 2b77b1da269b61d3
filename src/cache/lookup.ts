import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import { BadRecord } from '../stores/faults.ts';
import { errorName } from '../telemetry/log.ts';
import type { CacheItem } from './item.ts';

/**
 * What a look into the cache came to, as a value: a fault is none of the other two.
 * `cleared`: until when nothing that the origin confirmed counts (epoch ms), by the tombstones that the look saw; 0: none.
 */
export type Lookup<E extends Entry = Entry> =
  | { readonly outcome: 'hit'; readonly entry: E; readonly cleared: number }
  | { readonly outcome: 'miss'; readonly cleared: number }
  /** `isRubbish`: the store is well, and holds what no setter wrote. */
  | { readonly outcome: 'fault'; readonly isRubbish: boolean };

/** Whether the store failed: what could not be read is not written over. Rubbish is, since it was read. */
export function isStoreFault(found: Lookup | undefined): boolean {
  return found?.outcome === 'fault' && !found.isRubbish;
}

/** Turns the three outcomes into a value; a fault is logged here, where its cause is known. */
export async function lookUp<E extends Entry>(
  ctx: RequestContext,
  item: Pick<CacheItem<E>, 'stat'>,
): Promise<Lookup<E>> {
  try {
    const before = ctx.events.length;
    const entry = await item.stat(ctx);
    const cleared = lastTombstone(ctx, before);
    return entry ? { outcome: 'hit', entry, cleared } : { outcome: 'miss', cleared };
  } catch (fault) {
    ctx.log.warn('cache fault', { error: errorName(fault) });
    return { outcome: 'fault', isRubbish: fault instanceof BadRecord };
  }
}

/** @param from which of the request's events on */
function lastTombstone({ events }: RequestContext, from: number): number {
  let cleared = 0;
  for (let at = from; at < events.length; at++) {
    const event = events[at];
    if (event?.kind === 'tombstone') cleared = Math.max(cleared, event.until);
  }
  return cleared;
}
