import { type Lookup, lookUp } from '../cache/lookup.ts';
import type { RequestContext } from '../context.ts';
import type { Flight, Joined } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import { isAlive } from '../stores/tombstone.ts';
import { type ContentQuestion, flightQuestion } from './question.ts';
import type { Upstream } from './upstream.ts';

/** What this caller's own lookup found; `undefined` if the store is slow, or must not answer this caller. */
export type OwnLookup<E extends Entry> = Lookup<E> | undefined;

/**
 * Joins the flight of the same question, as its leader or as a follower. A delete through another isolate closes no
 * flight of this one, so a follower accepts the leader's answer only if no tombstone hides it:
 *
 * - A follower that has done its own lookup joins no flight that took off before the tombstones that it saw.
 * - For all followers without a lookup of their own, or whose lookup failed, the leader does one lookup after the
 *   origin's answer. It begins after their requests did, so it sees every tombstone that theirs would have seen. A
 *   lookup for each follower would crowd the store.
 * - If that does not help, they join once more, now only a flight that took off after their request began: its answer
 *   is true for them.
 */
export async function joinFlight<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  question: ContentQuestion<E>,
  lookup: OwnLookup<E>,
): Promise<Joined<E>> {
  const { flights } = upstream;
  const key = flightQuestion(ctx, upstream, question);
  if (!key) return {};
  const hasLookedUp = lookup !== undefined && lookup.outcome !== 'fault';
  const notBefore = hasLookedUp && lookup.cleared > 0 ? lookup.cleared + 1 : 0;
  const first = await flights.join<E>(key, { nowMs: ctx.now(), notBefore, hasLookedUp });
  if (!first.shared || (await isBelievable(ctx, question, first.shared, first, hasLookedUp))) return first;
  return flights.join<E>(key, { nowMs: ctx.now(), notBefore: Math.max(notBefore, ctx.startedAt), hasLookedUp: true });
}

/** Whether no tombstone hides a shared answer from this caller. */
async function isBelievable<E extends Entry>(
  ctx: RequestContext,
  question: ContentQuestion<E>,
  shared: E,
  { verdict }: Joined<E>,
  hasLookedUp: boolean,
): Promise<boolean> {
  if (shared.verifiedAt >= ctx.startedAt) return true;
  if (hasLookedUp && question.unseen(shared, true).length === 0) return true;
  const seen = await verdict?.();
  return seen !== undefined && seen.at >= ctx.startedAt && isAlive(shared.verifiedAt, seen.cleared);
}

/** Looks up the tombstones of the entry that the origin confirmed, if the flight's followers need that. */
export async function settleVerdict<E extends Entry>(
  ctx: RequestContext,
  question: ContentQuestion<E>,
  entry: E,
  flight: Flight<E>,
): Promise<void> {
  const isNeeded = flight.needsVerdict || (flight.isFollowed && question.unseen(entry, true).length > 0);
  if (!isNeeded) return flight.judged(undefined);
  const at = ctx.now();
  const lookups = await Promise.all(question.unseen(entry, false).map((item) => lookUp(ctx, item)));
  let cleared = 0;
  for (const lookup of lookups) {
    if (lookup.outcome === 'fault') return flight.judged(undefined);
    cleared = Math.max(cleared, lookup.cleared);
  }
  flight.judged({ at, cleared });
}
