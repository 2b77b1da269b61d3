import type { ReadThroughAnswer } from '../cache/learn.ts';
import { type Lookup, lookUp } from '../cache/lookup.ts';
import type { OriginAnswer } from '../cache/originAnswer.ts';
import type { RequestContext } from '../context.ts';
import type { Verdict } from '../isolate/openFlights.ts';
import type { Followers, Lead, Shared } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import { isAlive } from '../stores/tombstone.ts';
import { askOrigin } from './askOrigin.ts';
import { type AskOptions, flightQuestion, type Question, unseenItems } from './question.ts';
import type { Repository } from './repository.ts';

interface CollapseOptions<E extends Entry> extends Pick<AskOptions<E>, 'cancelled'> {
  /** What this caller's own lookup found; `undefined` if the store is slow, or must not answer this caller. */
  readonly lookup: Lookup<E> | undefined;
  /** Settles when the answer is in the store, or will not be. */
  readonly landed: Promise<void>;
}

/**
 * Asks the origin through a flight.
 * @param lookup as for `askOnce`
 * @param cancelled ends the question early
 */
export type Ask<E extends Entry> = (lookup: Lookup<E> | undefined, cancelled?: AbortSignal) => Promise<OriginAnswer<E>>;

/**
 * Runs a read that may ask the origin. If it does, the flight of its question lands when the answer is in the store.
 * @param read asks at most once
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function throughFlight<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  read: (ask: Ask<E>) => Promise<ReadThroughAnswer<E>>,
): Promise<ReadThroughAnswer<E>> {
  const landed = Promise.withResolvers<void>();
  const ask: Ask<E> = (lookup, cancelled) => {
    // Keeps the request going until the write-back is over, even if the client leaves: followers may be waiting for it.
    repository.ctx.waitUntil(landed.promise);
    return askOnce(repository, question, { lookup, cancelled, landed: landed.promise });
  };
  try {
    const result = await read(ask);
    if (result.stored) result.stored.finally(landed.resolve);
    else landed.resolve();
    return result;
  } catch (error) {
    landed.resolve();
    throw error;
  }
}

/**
 * Asks the origin, or takes part in the flight of the same question, as its leader or as a follower. A delete through
 * another isolate closes no flight of this one, so a follower accepts the leader's answer only if no tombstone hides
 * it:
 *
 * - A follower that has done its own lookup joins no flight that took off before the tombstones that it saw, and one
 *   that may push none that took off longer ago than `PUSH_EXISTENCE_TTL`.
 * - For all followers without a lookup of their own, or whose lookup failed, the leader does one lookup after the
 *   origin's answer. It begins after their requests did, so it sees every tombstone that theirs would have seen. A
 *   lookup for each follower would crowd the store.
 * - If that does not help, they join once more, now only a flight that took off after their request began: its answer
 *   is true for them.
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
async function askOnce<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  { lookup, cancelled, landed }: CollapseOptions<E>,
): Promise<OriginAnswer<E>> {
  const { ctx, upstream } = repository;
  const known = lookup?.outcome === 'hit' ? lookup.entry : undefined;
  const lead: Lead<OriginAnswer<E>, E> = {
    ask: () => askOrigin(repository, question, { known, cancelled, landed }),
    sharedOf: (answer) => (answer.kind === 'found' && (answer.confirmed || answer.isStored) ? answer.entry : undefined),
    verdictOn(entry, followers) {
      const looking = findVerdict(repository, question, entry, followers);
      ctx.waitUntil(looking);
      return looking;
    },
    landed,
  };
  const key = flightQuestion(repository, question);
  if (!key) return lead.ask();
  // If the request has come back, it is the one for whose answer its flight waits.
  upstream.origin.refuseLoop(ctx);
  const hasLookedUp = lookup !== undefined && lookup.outcome !== 'fault';
  const afterTombstone = hasLookedUp && lookup.clearedUntil > 0 ? lookup.clearedUntil + 1 : 0;
  const notBefore = Math.max(afterTombstone, withinWindow(repository));
  const first = await upstream.flights.run(key, { nowMs: ctx.now(), notBefore, hasLookedUp }, lead);
  if (first.kind === 'answered') return first.answer;
  // What the leader read from the store may be older than its flight, and than what this caller saw there.
  const isAfterTombstone = ({ shared }: Shared<E>) => shared.verifiedAt >= afterTombstone;
  if (isAfterTombstone(first) && (await isBelievable(repository, question, first, hasLookedUp)))
    return sharedAnswer(ctx, first.shared);
  const joining = { nowMs: ctx.now(), notBefore: Math.max(notBefore, ctx.startedAt), hasLookedUp: true };
  const second = await upstream.flights.run(key, joining, lead);
  if (second.kind === 'answered') return second.answer;
  return isAfterTombstone(second) ? sharedAnswer(ctx, second.shared) : lead.ask();
}

/** Returns since when (epoch ms) a question may be open whose answer a caller that may push still relies on. */
function withinWindow({ ctx, upstream, mayPush }: Repository): number {
  return mayPush ? ctx.now() - upstream.ttls.pushExistenceMs + 1 : 0;
}

function sharedAnswer<E extends Entry>(ctx: RequestContext, entry: E): OriginAnswer<E> {
  ctx.emit({ kind: 'collapsed' });
  return { kind: 'found', entry, confirmed: false };
}

/** Whether no tombstone hides a shared answer from this caller. */
async function isBelievable<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  { shared, verdict }: Shared<E>,
  hasLookedUp: boolean,
): Promise<boolean> {
  const { startedAt } = repository.ctx;
  if (shared.verifiedAt >= startedAt) return true;
  if (hasLookedUp && unseenItems(repository, question, { shared, hasLooked: true }).length === 0) return true;
  const seen = await verdict();
  return seen !== undefined && seen.at >= startedAt && isAlive(shared.verifiedAt, seen.clearedUntil);
}

/** Looks up the tombstones of the entry that the origin confirmed, if the flight's followers need that. */
async function findVerdict<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  shared: E,
  { isFollowed, needsVerdict }: Followers,
): Promise<Verdict | undefined> {
  const { ctx } = repository;
  const isNeeded =
    needsVerdict || (isFollowed && unseenItems(repository, question, { shared, hasLooked: true }).length > 0);
  if (!isNeeded) return undefined;
  const at = ctx.now();
  const items = unseenItems(repository, question, { shared, hasLooked: false });
  const lookups = await Promise.all(items.map((item) => lookUp(ctx, item)));
  let clearedUntil = 0;
  for (const lookup of lookups) {
    if (lookup.outcome === 'fault') return undefined;
    clearedUntil = Math.max(clearedUntil, lookup.clearedUntil);
  }
  return { at, clearedUntil };
}
