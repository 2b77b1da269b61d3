import { within } from '../async.ts';
import { retentionMs } from '../cache/freshness.ts';
import type { CacheItem } from '../cache/item.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import { isFirstHand } from '../origin/confirmation.ts';
import type { Repository } from './repository.ts';
import type { Upstream } from './upstream.ts';

/**
 * Whether the origin's answers to this caller may be stored. If the request has another identity besides its
 * `Authorization`, the answer may depend on that. An open mirror sends no identity to the origin at all.
 */
export function mayStoreAnswersTo(ctx: RequestContext, { askedAs }: Upstream): boolean {
  return askedAs === 'nobody' || ctx.caller !== undefined;
}

/** Whether the answers to this request may be stored, and could answer anybody once they are. */
export function mayStore(ctx: RequestContext, upstream: Upstream): boolean {
  return mayStoreAnswersTo(ctx, upstream) && retentionMs(upstream.ttls) > 0;
}

/** Whether this answer of the origin may be stored, and could answer anybody once it is. */
export function isStorable({ ctx, upstream }: Repository, response: Response): boolean {
  return isFirstHand(response) && mayStore(ctx, upstream);
}

/**
 * Writes what a push proved, without reading what is stored. The next question should find it, so the write is waited
 * for, as long as the cache may take to answer.
 */
export async function storeProven<E extends Entry>(
  { ctx, upstream }: Repository,
  item: CacheItem<E>,
  entry: E,
): Promise<void> {
  const looking = Promise.resolve({ outcome: 'miss', clearedUntil: 0 } as const);
  await within(writeBack(ctx, item, entry, { looking }), upstream.cacheTimeoutMs);
}
