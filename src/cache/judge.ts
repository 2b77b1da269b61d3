import type { RequestContext } from '../context.ts';
import { asCacheFault } from '../stores/faults.ts';
import type { Stored } from '../stores/records.ts';
import { isAlive } from '../stores/tombstone.ts';
import type { StatOutcome } from '../telemetry/events.ts';

/**
 * Returns a stored value if it counts: if it was confirmed after its tombstone. Emits the tombstone and the store's own
 * time.
 */
export function judge<V extends { readonly verifiedAt: number }>(
  ctx: RequestContext,
  { value, clearedUntil, lookedAt }: Stored<V>,
): V | undefined {
  if (lookedAt !== undefined) ctx.emit({ kind: 'look', at: lookedAt });
  if (clearedUntil > 0) ctx.emit({ kind: 'tombstone', until: clearedUntil });
  return value && isAlive(value.verifiedAt, clearedUntil) ? value : undefined;
}

/**
 * Runs a look at a store, and emits its outcome and duration, for headers, log and metrics.
 * @param store as `Cache-Status` names it
 * @param isHit whether what was found is a hit; by default, whether anything was
 * @throws CacheFault, BadRecord
 */
export async function observeStat<T>(
  ctx: RequestContext,
  store: string,
  stat: () => Promise<T>,
  isHit: (found: T) => boolean = (found) => found !== undefined,
): Promise<T> {
  const startedAt = ctx.now();
  const emit = (outcome: StatOutcome) => ctx.emit({ kind: 'stat', store, outcome, ms: ctx.now() - startedAt });
  try {
    const found = await asCacheFault('stat', stat);
    emit(isHit(found) ? 'hit' : 'miss');
    return found;
  } catch (fault) {
    emit('fault');
    throw fault;
  }
}
