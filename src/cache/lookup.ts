import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { BadRecord } from '../stores/faults.ts';
import { errorName } from '../telemetry/log.ts';
import type { CacheItem } from './item.ts';
import type { FoundEntry, RepositoryDescriptors } from './provider.ts';

/**
 * The result of looking an item up. A fault is neither a hit nor a miss.
 *
 * `clearedUntil` is the tombstone that was read: nothing that the origin confirmed until then counts (epoch ms). 0:
 * there is none. `lookedAt` is the time of the lookup by the store's own clock (epoch ms), if it has one.
 */
export type Lookup<E extends Entry = Entry> =
  | {
      readonly outcome: 'hit';
      readonly entry: E;
      readonly clearedUntil: number;
      readonly lookedAt?: number | undefined;
    }
  | { readonly outcome: 'miss'; readonly clearedUntil: number; readonly lookedAt?: number | undefined }
  /** `isMalformed`: the store works, but holds a malformed record. */
  | { readonly outcome: 'fault'; readonly isMalformed: boolean };

/** Whether the store failed. What could not be read is not overwritten; a malformed record was read, and is. */
export function isStoreFault(found: Lookup | undefined): boolean {
  return found?.outcome === 'fault' && !found.isMalformed;
}

/** Looks an item up, and returns its three outcomes as a value. A fault is logged here, where its cause is known. */
export async function lookUp<E extends Entry>(
  ctx: RequestContext,
  item: Pick<CacheItem<E>, 'stat'>,
): Promise<Lookup<E>> {
  try {
    const firstEvent = ctx.events.length;
    const entry = await item.stat(ctx);
    const clearedUntil = farthestTombstone(ctx, firstEvent);
    const lookedAt = earliestLook(ctx, firstEvent);
    return entry ? { outcome: 'hit', entry, clearedUntil, lookedAt } : { outcome: 'miss', clearedUntil, lookedAt };
  } catch (fault) {
    ctx.log.warn('cache fault', { error: errorName(fault) });
    return { outcome: 'fault', isMalformed: fault instanceof BadRecord };
  }
}

/**
 * Looks many digests up, in as few requests as the store allows. A fault of the store is the outcome of each.
 * @param descriptors those of the shared store
 */
export async function lookUpEach(
  ctx: RequestContext,
  descriptors: Pick<RepositoryDescriptors, 'statEach'>,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, Lookup>> {
  try {
    const found = await descriptors.statEach(ctx, digests);
    return new Map(digests.map((digest) => [digest, asLookup(found.get(digest))]));
  } catch (fault) {
    ctx.log.warn('cache fault', { error: errorName(fault) });
    return new Map(digests.map((digest) => [digest, { outcome: 'fault', isMalformed: false }]));
  }
}

function asLookup(found: FoundEntry | undefined): Lookup {
  if (!found) return { outcome: 'fault', isMalformed: true };
  const { entry, clearedUntil, lookedAt } = found;
  return entry ? { outcome: 'hit', entry, clearedUntil, lookedAt } : { outcome: 'miss', clearedUntil, lookedAt };
}

/**
 * Returns the tombstone that reaches farthest (epoch ms); 0: none.
 * @param from the index of the first event to consider
 */
export function farthestTombstone({ events }: RequestContext, from: number): number {
  let cleared = 0;
  for (let at = from; at < events.length; at++) {
    const event = events[at];
    if (event?.kind === 'tombstone') cleared = Math.max(cleared, event.until);
  }
  return cleared;
}

/** Returns the earliest time at which a store was read, by its own clock. @param from as for `farthestTombstone` */
function earliestLook({ events }: RequestContext, from: number): number | undefined {
  let earliest: number | undefined;
  for (let at = from; at < events.length; at++) {
    const event = events[at];
    if (event?.kind === 'look' && event.at < (earliest ?? Number.POSITIVE_INFINITY)) earliest = event.at;
  }
  return earliest;
}
