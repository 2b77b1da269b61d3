import { type Lookup, look } from '../cache/lookup.ts';
import { isAlive } from '../cache/tombstone.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Upstream } from '../upstream.ts';
import { within } from '../within.ts';
import type { ContentQuestion } from './contentQuestion.ts';

/** What this caller's own look came to; `undefined`: the store is slow. Who may not be answered from it looks later. */
export type Looked<E extends Entry> = Lookup<E> | undefined | 'not yet';

/**
 * What another question brings must have been asked of the origin then or later (epoch ms): after the tombstones that
 * this caller saw, and where the store did not say, after this request began.
 */
export function oldestFor<E extends Entry>(ctx: RequestContext, looked: Looked<E>): number {
  if (looked === 'not yet') return 0;
  if (!looked || looked.outcome === 'fault') return ctx.startedAt;
  return looked.cleared > 0 ? looked.cleared + 1 : 0;
}

/**
 * Whether what another question brought outlives the tombstones that this caller has not seen yet: a delete through
 * another isolate closes no flight of this one. A store that does not say is no answer.
 */
export async function outlivesUnseen<E extends Entry>(
  ctx: RequestContext,
  { cacheTimeoutMs }: Upstream,
  question: ContentQuestion<E>,
  shared: E,
  hasLooked: boolean,
): Promise<boolean> {
  if (shared.verifiedAt >= ctx.startedAt) return true;
  const looks = question.unseen(shared, hasLooked).map((item) => look(ctx, item));
  const seen = await within(Promise.all(looks), cacheTimeoutMs);
  return seen?.every((one) => one.outcome !== 'fault' && isAlive(shared.verifiedAt, one.cleared)) ?? false;
}
