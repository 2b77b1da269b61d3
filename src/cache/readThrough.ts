import { within } from '../async.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import { evictDenied } from './clear.ts';
import { isFresh } from './freshness.ts';
import type { CacheItem } from './item.ts';
import { isStoreFault, type Lookup, lookUp } from './lookup.ts';
import { discard, failureOf, isGone, type OriginAnswer, type OriginFailure } from './originAnswer.ts';
import { writeBack } from './writeBack.ts';

export interface ReadThroughOptions<E extends Entry = Entry> {
  /** How long an entry may be relied on after the origin confirmed it, in ms. */
  readonly windowMs: number;
  /** How much longer where the origin is ill, in ms; 0: not at all. */
  readonly staleMs: number;
  /** Whether the caller takes what is known; without it, all. */
  readonly accepts?: ((entry: Entry) => boolean) | undefined;
  /** Whether what is known was told by an answer of the kind that is asked for; without it, always. */
  readonly isWitnessed?: ((entry: Entry) => boolean) | undefined;
  /** Until then (epoch ms) the origin wants to be left alone, where an entry past its window will do. */
  readonly retryAt?: number;
  readonly mayPush: boolean;
  /** The origin is asked for everybody: its refusal is of everybody, too. */
  readonly isOpen?: boolean;
  /** One caller may have provoked the origin's refusal, by what is in no other question: it evicts nothing. */
  readonly isProvocable?: boolean;
  /** `CACHE_TIMEOUT` in ms: after it the origin is asked as well. */
  readonly cacheTimeoutMs: number;
  /**
   * Asks the origin.
   * @param found what the look came to; `undefined` where the store is slow
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  ask(found: Lookup<E> | undefined, signal: AbortSignal): Promise<OriginAnswer<E>>;
}

/** `stored` settles when the write-back is over, and never rejects; absent where none was begun. */
export interface ReadThroughAnswer<E extends Entry = Entry> {
  readonly answer: OriginAnswer<E>;
  readonly stored?: Promise<void> | undefined;
}

/**
 * A cache in front of the origin (`cachedBlobStatter` of `distribution`): a fresh entry answers; on a miss or a stale
 * entry the origin does and its answer is written back; on a fault of the store the origin does and nothing is written, and
 * where only the record is bad it is overwritten. A store that is slow is not waited for: the origin is asked as well, and
 * the first answer that can be used wins.
 */
export async function readThrough<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  options: ReadThroughOptions<E>,
): Promise<ReadThroughAnswer<E>> {
  const youngIn = (found: Lookup<E> | undefined, windowMs: number) => {
    const entry = found?.outcome === 'hit' ? found.entry : undefined;
    if (!entry || !isFresh(entry, ctx.now(), windowMs)) return undefined;
    return (options.accepts?.(entry) ?? true) && (options.isWitnessed?.(entry) ?? true) ? entry : undefined;
  };
  const freshIn = (found: Lookup<E> | undefined) => youngIn(found, options.windowMs);
  const lastGoodIn = (found: Lookup<E>) =>
    options.staleMs > 0 ? youngIn(found, options.windowMs + options.staleMs) : undefined;

  const looking = lookUp(ctx, item);
  const found = await within(looking, options.cacheTimeoutMs);
  const fresh = freshIn(found);
  if (fresh) return hit(ctx, fresh);

  emitForward(ctx, found, options);
  if (ctx.now() < (options.retryAt ?? 0)) {
    const lastGood = found && lastGoodIn(found);
    if (lastGood) return stale(ctx, lastGood, 'paused');
  }
  const asking = new AbortController();
  const asked = options.ask(found, asking.signal);
  if (!found) {
    const late = await firstOf(looking.then(freshIn), asked);
    if (late) {
      asking.abort();
      // It may have come in the same moment, and holds its body until somebody lets go of it.
      asked.then(discard, () => undefined);
      return hit(ctx, late);
    }
  }
  const illness = await failureOf(asked);
  const lastGood = illness && lastGoodIn(await looking);
  if (lastGood) {
    ctx.waitUntil(asked.then(discard, () => undefined));
    return stale(ctx, lastGood, illness);
  }

  const answer = await asked;
  if (!options.isProvocable && isGone(answer, options.isOpen ?? false)) {
    evictDenied(ctx, item, { known: looking, sentAtMs: answer.sentAtMs, accepts: options.accepts });
  }
  return isStoreFault(found) ? { answer } : storeAnswer(ctx, item, answer, looking);
}

/**
 * The same for a caller who may not be answered from the cache: the origin is asked, and the cache is looked at only
 * after the reply, to see whether a write is worth it.
 * @param itemOf where to keep what was found; nowhere, if nothing that is stored could ever be used
 */
export async function askThrough<E extends Entry>(
  ctx: RequestContext,
  itemOf: (entry: E) => CacheItem<E> | undefined,
  ask: () => Promise<OriginAnswer<E>>,
): Promise<ReadThroughAnswer<E>> {
  const answer = await ask();
  const item = answer.kind === 'found' ? itemOf(answer.entry) : undefined;
  return item ? storeAnswer(ctx, item, answer) : { answer };
}

function storeAnswer<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  answer: OriginAnswer<E>,
  looking?: Promise<Lookup<E>>,
): ReadThroughAnswer<E> {
  if (answer.kind === 'relay' || !answer.confirmed) return { answer };
  return { answer, stored: writeBack(ctx, item, answer.entry, looking) };
}

/** @returns the late entry, if it is there before the origin's answer or the origin cannot be reached */
function firstOf<E>(late: Promise<E | undefined>, asked: Promise<unknown>): Promise<E | undefined> {
  const origin = asked.then(
    () => undefined,
    () => late,
  );
  return Promise.race([late.then((entry) => entry ?? origin), origin]);
}

function hit<E extends Entry>(ctx: RequestContext, entry: E): ReadThroughAnswer<E> {
  ctx.emit({ kind: 'hit' });
  return { answer: { kind: 'found', entry, confirmed: false } };
}

/** The last good answer in place of an ill origin's; it confirms nothing. */
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
