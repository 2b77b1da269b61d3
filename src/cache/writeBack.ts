import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { CacheItem } from './item.ts';
import { type Lookup, look } from './lookup.ts';

/**
 * Stores what the origin confirmed, after the reply has gone out. A fault of the store ends it: what could not be read
 * is not overwritten.
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
    const found = await (looking ?? look(ctx, item));
    if (found.outcome === 'fault') return ctx.emit({ kind: 'write-back', outcome: 'fault' });
    try {
      const isWritten = await item.set(ctx, entry, found.outcome === 'hit' ? found.entry : undefined);
      ctx.emit({ kind: 'write-back', outcome: isWritten ? 'done' : 'unneeded' });
    } catch (fault) {
      ctx.emit({ kind: 'write-back', outcome: 'fault' });
      ctx.log.warn('write-back failed', { error: errorName(fault) });
    }
  }
}
