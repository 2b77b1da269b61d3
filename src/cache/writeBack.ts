import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import { CacheFault } from '../stores/faults.ts';
import { isAlive } from '../stores/tombstone.ts';
import { errorName } from '../telemetry/log.ts';
import type { CacheItem } from './item.ts';
import { isStoreFault, type Lookup, lookUp } from './lookup.ts';

/**
 * Overwrites a stored entry with one that the origin confirmed. If the store failed and the stored entry could not be
 * read, it is not overwritten. A malformed record is cleared first.
 * @param lookedAt the store's own time of a lookup that was over before the origin was asked
 * @returns whether the entry was worth a write
 * @throws CacheFault
 */
export async function overwrite<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  entry: E,
  found: Lookup<E>,
  lookedAt?: number,
): Promise<boolean> {
  if (isStoreFault(found)) throw new CacheFault('the entry is not stored: the current one could not be read');
  // The tombstone would hide the entry.
  if (found.outcome !== 'fault' && !isAlive(entry.verifiedAt, found.clearedUntil)) return false;
  // This clears as if the origin had denied the content just before, so that the new entry counts and no older one
  // does.
  if (found.outcome === 'fault') await item.clear(ctx, entry.verifiedAt - 1, true);
  return item.set(ctx, entry, found.outcome === 'hit' ? found.entry : undefined, lookedAt);
}

/** The lookup that a request has begun before it asked the origin. */
export interface PriorLookup<E extends Entry> {
  readonly looking?: Promise<Lookup<E>>;
  /** The store's own time of the lookup (epoch ms), if it was over before the origin was asked. */
  readonly lookedAt?: number | undefined;
}

/**
 * Stores, after the reply, an entry that the origin confirmed. Nothing is stored after a fault of the store; a
 * malformed record is overwritten.
 * @param looking the lookup of this request; without one (the caller must not be answered from the cache) the item is
 *   looked up now
 * @returns a promise that settles when the write-back is over, and never rejects
 */
export function writeBack<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  entry: E,
  { looking, lookedAt }: PriorLookup<E> = {},
): Promise<void> {
  ctx.emit({ kind: 'write-back', outcome: 'begun' });
  const work = store();
  ctx.waitUntil(work);
  return work;

  async function store(): Promise<void> {
    const found = await (looking ?? lookUp(ctx, item));
    if (isStoreFault(found)) return ctx.emit({ kind: 'write-back', outcome: 'fault' });
    try {
      const isWritten = await overwrite(ctx, item, entry, found, lookedAt);
      ctx.emit({ kind: 'write-back', outcome: isWritten ? 'done' : 'unneeded' });
    } catch (fault) {
      ctx.emit({ kind: 'write-back', outcome: 'fault' });
      ctx.log.warn('write-back failed', { error: errorName(fault) });
    }
  }
}
