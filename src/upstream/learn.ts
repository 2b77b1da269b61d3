import { within } from '../async.ts';
import { retentionMs } from '../cache/freshness.ts';
import type { CacheItem } from '../cache/item.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import { isFirstHand } from '../origin/confirmation.ts';
import type { Upstream } from './upstream.ts';

/**
 * Whether what the origin answers may be stored: to a caller with another identity besides the `Authorization` it may be
 * about something else. An open mirror passes on no identity at all.
 */
export function storesAnswersFor(ctx: RequestContext, { readOnly }: Upstream): boolean {
  return readOnly || ctx.caller !== undefined;
}

/** Whether the origin's answer to this caller may be learnt from, and what is learnt could be used. */
export function isStorable(ctx: RequestContext, upstream: Upstream, response: Response): boolean {
  return isFirstHand(response) && storesAnswersFor(ctx, upstream) && retentionMs(upstream.ttls) > 0;
}

/**
 * Writes what a push proved, without a look at what stands there, and waits for it as long as for any answer of the
 * cache: the next question finds it.
 */
export async function storeProven<E extends Entry>(
  ctx: RequestContext,
  { cacheTimeoutMs }: Upstream,
  item: CacheItem<E>,
  entry: E,
): Promise<void> {
  await within(writeBack(ctx, item, entry, Promise.resolve({ outcome: 'miss', cleared: 0 })), cacheTimeoutMs);
}
