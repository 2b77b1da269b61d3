import { within } from '../async.ts';
import type { RequestContext } from '../context.ts';
import type { AskedAs } from '../http/identity.ts';
import type { Entry } from '../oci/descriptor.ts';
import { errorName } from '../telemetry/log.ts';
import { isFresh } from './freshness.ts';
import type { CacheItem } from './item.ts';
import { learn, type ReadThroughAnswer } from './learn.ts';
import { type Lookup, lookUp } from './lookup.ts';
import { discard, type OriginAnswer, type OriginFailure, originFailureOf } from './originAnswer.ts';

export interface ReadThroughOptions<E extends Entry = Entry> {
  /** How long an entry is fresh after the origin confirmed it, in ms. */
  readonly windowMs: number;
  /** How much longer an entry answers while the origin fails, in ms; 0: not at all. */
  readonly staleMs: number;
  /** How much longer an entry answers at once, while the origin is asked after the reply, in ms; 0: not at all. */
  readonly revalidateMs: number;
  /** Whether the caller accepts the entry's media type; by default it accepts all. */
  readonly accepts?: ((entry: Entry) => boolean) | undefined;
  /** Whether the entry's media type was confirmed by an answer to the method of this request; by default it was. */
  readonly isWitnessed?: ((entry: Entry) => boolean) | undefined;
  /**
   * Until then (epoch ms) the origin asked for no requests (Retry-After): a stale entry answers instead, if there is
   * one.
   */
  readonly retryAt?: number;
  readonly mayPush: boolean;
  /** As whom the origin is asked; by default as the caller. */
  readonly askedAs?: AskedAs;
  /** `KEEP_DELETED=keep`: an entry answers after a 404 of the origin as while that fails; by default it is evicted. */
  readonly keepsDeleted?: boolean;
  /** Whether what else is needed is there for an entry to answer while the origin fails; by default it is. */
  readonly standsIn?: (() => Promise<boolean>) | undefined;
  /**
   * Whether something that is peculiar to this request may have provoked the origin's refusal, so that it evicts
   * nothing.
   */
  readonly isProvocable?: boolean;
  /** `CACHE_TIMEOUT` in ms: how long to wait for the store before the origin is asked as well. */
  readonly cacheTimeoutMs: number;
  /**
   * Asks the origin.
   * @param found the result of the lookup; `undefined` if the store is slow
   * @param signal ends the question early
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  ask(found: Lookup<E> | undefined, signal?: AbortSignal): Promise<OriginAnswer<E>>;
}

/**
 * Reads an item through the cache, as `cachedBlobStatter` of `distribution` does. A fresh entry answers. On a miss or a
 * stale entry the origin answers, and its answer is written back. On a fault of the store the origin answers, and
 * nothing is written; a malformed record is overwritten. If the store is slow, the origin is asked as well, and the
 * first usable answer wins. An entry that is fresh enough for `revalidateMs` answers at once, and the origin's answer
 * comes after the reply.
 */
export async function readThrough<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  options: ReadThroughOptions<E>,
): Promise<ReadThroughAnswer<E>> {
  const confirmedWithin = (found: Lookup<E> | undefined, windowMs: number) => {
    const entry = found?.outcome === 'hit' ? found.entry : undefined;
    if (!entry || !isFresh(entry, ctx.now(), windowMs)) return undefined;
    return (options.accepts?.(entry) ?? true) && (options.isWitnessed?.(entry) ?? true) ? entry : undefined;
  };
  const freshIn = (found: Lookup<E> | undefined) => confirmedWithin(found, options.windowMs);
  const lastGoodIn = async (found: Lookup<E>) => {
    const entry = options.staleMs > 0 ? confirmedWithin(found, options.windowMs + options.staleMs) : undefined;
    return entry && ((await options.standsIn?.()) ?? true) ? entry : undefined;
  };

  const looking = lookUp(ctx, item);
  const found = await within(looking, options.cacheTimeoutMs);
  const fresh = freshIn(found);
  if (fresh) return hit(ctx, fresh);
  const known = { looking, found, ...options };
  const standing = options.revalidateMs > 0 && confirmedWithin(found, options.windowMs + options.revalidateMs);
  if (standing) {
    const refreshed = options.ask(found).then(async (answer) => {
      const { stored } = learn(ctx, item, answer, known);
      await Promise.all([stored, discard(answer)]);
    });
    return hit(ctx, standing, { staleMs: ctx.now() - standing.verifiedAt - options.windowMs, refreshed });
  }

  emitForward(ctx, found, options);
  if (ctx.now() < (options.retryAt ?? 0)) {
    const lastGood = found && (await lastGoodIn(found));
    if (lastGood) return stale(ctx, lastGood, 'paused');
  }
  const abort = new AbortController();
  const asking = options.ask(found, abort.signal);
  if (!found) {
    const late = await firstOf(looking.then(freshIn), asking);
    if (late) {
      abort.abort();
      // The origin's answer may have arrived at the same moment, and its body has to be cancelled.
      asking.then(discard, () => undefined);
      return hit(ctx, late);
    }
  }
  const failure = await originFailureOf(asking, options.keepsDeleted ?? false);
  const lastGood = failure && (await lastGoodIn(await looking));
  if (lastGood) {
    ctx.waitUntil(asking.then(discard, () => undefined));
    return stale(ctx, lastGood, failure);
  }
  return learn(ctx, item, await asking, known);
}

/** @returns the late entry, if it arrives before the origin's answer, or if the origin cannot be reached */
function firstOf<E>(late: Promise<E | undefined>, asking: Promise<unknown>): Promise<E | undefined> {
  const origin = asking.then(
    () => undefined,
    () => late,
  );
  return Promise.race([late.then((entry) => entry ?? origin), origin]);
}

/** The cache's answer is older than its window, and the origin is being asked. */
interface Revalidation {
  /** How much older, in ms. */
  readonly staleMs: number;
  /** Settles when the origin's answer has had its consequences. */
  readonly refreshed: Promise<void>;
}

function hit<E extends Entry>(ctx: RequestContext, entry: E, revalidation?: Revalidation): ReadThroughAnswer<E> {
  const answer = { kind: 'found', entry, confirmed: false } as const;
  if (!revalidation) {
    ctx.emit({ kind: 'hit' });
    return { answer };
  }
  const { staleMs, refreshed } = revalidation;
  ctx.emit({ kind: 'hit', staleMs });
  // If the origin cannot be reached, the entry stands, and the next question asks again.
  const stored = refreshed.catch((error) =>
    ctx.log.info('the origin did not confirm a stale answer', { error: errorName(error) }),
  );
  ctx.waitUntil(stored);
  return { answer, stored };
}

/** Answers with the last good entry instead of a failing origin. That confirms nothing. */
function stale<E extends Entry>(ctx: RequestContext, entry: E, detail: OriginFailure): ReadThroughAnswer<E> {
  ctx.emit({ kind: 'forward', reason: 'stale', detail });
  return { answer: { kind: 'found', entry, confirmed: false } };
}

function emitForward<E extends Entry>(
  ctx: RequestContext,
  found: Lookup<E> | undefined,
  {
    mayPush,
    accepts = () => true,
    isWitnessed = () => true,
  }: Pick<ReadThroughOptions<E>, 'mayPush' | 'accepts' | 'isWitnessed'>,
): void {
  if (!found) ctx.emit({ kind: 'forward', reason: 'bypass', detail: 'slow' });
  else if (found.outcome === 'fault') ctx.emit({ kind: 'forward', reason: 'bypass', detail: 'fault' });
  else if (found.outcome === 'miss') ctx.emit({ kind: 'forward', reason: 'miss' });
  else if (found.outcome === 'hit' && !accepts(found.entry)) ctx.emit({ kind: 'forward', reason: 'vary-miss' });
  else if (found.outcome === 'hit' && !isWitnessed(found.entry)) ctx.emit({ kind: 'forward', reason: 'miss' });
  else if (mayPush) ctx.emit({ kind: 'forward', reason: 'stale', detail: 'push' });
  else ctx.emit({ kind: 'forward', reason: 'stale' });
}
