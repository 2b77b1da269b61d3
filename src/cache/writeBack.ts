import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import { CacheFault } from '../stores/faults.ts';
import { isAlive } from '../stores/tombstone.ts';
import { errorName } from '../telemetry/log.ts';
import type { CacheItem } from './item.ts';
import { isStoreFault, type Lookup, lookUp } from './lookup.ts';

/**
 * Writes what the origin confirmed over what stands there. What could not be read, since the store failed, is not
 * overwritten; what was read and is rubbish is refuted, and goes first.
 * @returns whether it was worth a write
 * @throws CacheFault
 */
export async function overwrite<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  entry: E,
  found: Lookup<E>,
): Promise<boolean> {
  if (isStoreFault(found)) throw new CacheFault('what could not be read is not overwritten');
  // It could not count.
  if (found.outcome !== 'fault' && !isAlive(entry.verifiedAt, found.cleared)) return false;
  // As if it had been denied just before: the entry counts, and nothing older does.
  if (found.outcome === 'fault') await item.clear(ctx, entry.verifiedAt - 1, true);
  return item.set(ctx, entry, found.outcome === 'hit' ? found.entry : undefined);
}

/**
 * Stores what the origin confirmed, after the reply has gone out. A fault of the store ends it, unless it is only the
 * record that is bad.
 * @param looking what stands in the cache; where nobody has looked yet (the caller was not trusted with it), it is looked
 *   at only now
 * @returns settles when it is over, never rejects
 */
export function writeBack<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  entry: E,
  looking?: Promise<Lookup<E>>,
): Promise<void> {
  ctx.emit({ kind: 'write-back', outcome: 'begun' });
  const work = store();
  ctx.waitUntil(work);
  return work;

  async function store(): Promise<void> {
    const found = await (looking ?? lookUp(ctx, item));
    if (isStoreFault(found)) return ctx.emit({ kind: 'write-back', outcome: 'fault' });
    try {
      const isWritten = await overwrite(ctx, item, entry, found);
      ctx.emit({ kind: 'write-back', outcome: isWritten ? 'done' : 'unneeded' });
    } catch (fault) {
      ctx.emit({ kind: 'write-back', outcome: 'fault' });
      ctx.log.warn('write-back failed', { error: errorName(fault) });
    }
  }
}
