import { type Lookup, lookUp } from '../cache/lookup.ts';
import type { RequestContext } from '../context.ts';
import type { Flight, Joined } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import { isAlive } from '../stores/tombstone.ts';
import { type ContentQuestion, joinable } from './question.ts';
import type { Upstream } from './upstream.ts';

/** What this caller's own look came to; `undefined`: the store is slow, or may not answer this caller. */
export type Looked<E extends Entry> = Lookup<E> | undefined;

/**
 * Asks together with those who ask the same. What another one was answered counts where no tombstone hides it, since a
 * delete through another isolate closes no flight of this one:
 *
 * - a caller who has looked follows nothing that was asked before the tombstones that it saw;
 * - for all who have not looked, or whom the store did not answer, the leader looks once, after the origin's answer: that
 *   look began after they did, so it sees what theirs would. A look for each would be a crowd at the store;
 * - where that does not help, they ask once more, together: what was asked after a request began is true for it.
 */
export async function askTogether<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  question: ContentQuestion<E>,
  looked: Looked<E>,
): Promise<Joined<E>> {
  const { flights } = upstream;
  const joined = joinable(ctx, upstream, question);
  if (!joined) return {};
  const hasLooked = looked !== undefined && looked.outcome !== 'fault';
  const notBefore = hasLooked && looked.cleared > 0 ? looked.cleared + 1 : 0;
  const first = await flights.join<E>(joined, { nowMs: ctx.now(), notBefore, hasLooked });
  if (!first.shared || (await counts(ctx, question, first.shared, first, hasLooked))) return first;
  return flights.join<E>(joined, { nowMs: ctx.now(), notBefore: Math.max(notBefore, ctx.startedAt), hasLooked: true });
}

async function counts<E extends Entry>(
  ctx: RequestContext,
  question: ContentQuestion<E>,
  shared: E,
  { verdict }: Joined<E>,
  hasLooked: boolean,
): Promise<boolean> {
  if (shared.verifiedAt >= ctx.startedAt) return true;
  if (hasLooked && question.unseen(shared, true).length === 0) return true;
  const told = await verdict?.();
  return told !== undefined && told.at >= ctx.startedAt && isAlive(shared.verifiedAt, told.cleared);
}

/** Looks for the tombstones of what the origin confirmed, for those who follow. */
export async function judge<E extends Entry>(
  ctx: RequestContext,
  question: ContentQuestion<E>,
  entry: E,
  flight: Flight<E>,
): Promise<void> {
  const isNeeded = flight.isDoubted || (flight.isFollowed && question.unseen(entry, true).length > 0);
  if (!isNeeded) return flight.judged(undefined);
  const at = ctx.now();
  const seen = await Promise.all(question.unseen(entry, false).map((item) => lookUp(ctx, item)));
  let cleared = 0;
  for (const one of seen) {
    if (one.outcome === 'fault') return flight.judged(undefined);
    cleared = Math.max(cleared, one.cleared);
  }
  flight.judged({ at, cleared });
}
