import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { CacheItem } from './item.ts';

/** What a look into the cache came to, as a value: a fault is none of the other two. */
export type Lookup<E extends Entry = Entry> =
  | { readonly outcome: 'hit'; readonly entry: E }
  | { readonly outcome: 'miss' | 'fault' };

/** Turns the three outcomes into a value; a fault is logged here, where its cause is known. */
export async function look<E extends Entry>(ctx: RequestContext, item: Pick<CacheItem<E>, 'stat'>): Promise<Lookup<E>> {
  try {
    const entry = await item.stat(ctx);
    return entry ? { outcome: 'hit', entry } : { outcome: 'miss' };
  } catch (fault) {
    ctx.log.warn('cache fault', { error: errorName(fault) });
    return { outcome: 'fault' };
  }
}
