import type { Access, AnswerKind } from '../access/authorizer.ts';
import { within } from '../async.ts';
import { isFresh, retentionMs } from '../cache/freshness.ts';
import type { OriginAnswer } from '../cache/originAnswer.ts';
import { askThrough, type ReadThroughAnswer, readThrough } from '../cache/readThrough.ts';
import type { RequestContext } from '../context.ts';
import type { Flight } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { RepositoryName } from '../oci/name.ts';
import { askOrigin } from './askOrigin.ts';
import { authorize } from './authorize.ts';
import type { CallerHeaders } from './callerHeaders.ts';
import { joinFlight, type OwnLookup, settleVerdict } from './collapse.ts';
import { recordAbsence } from './evictAbsences.ts';
import { type Caller, type ContentQuestion, flightQuestion, type QuestionFor } from './question.ts';
import type { Upstream } from './upstream.ts';

/** What a read came to: an entry to answer with, the origin's response to be relayed, or the authorizer's refusal. */
export type Outcome<E extends Entry> =
  | { readonly kind: 'found'; readonly entry: E; readonly callerHeaders?: CallerHeaders }
  | { readonly kind: 'relay' | 'refused'; readonly response: Response };

/**
 * Answers a HEAD or GET of content: the edge's main job. docs/request-handling.md describes it step by step.
 *
 * 1. The caller's right to this kind of answer is decided. Nothing is read from the cache before that.
 * 2. A caller with a grant is answered from the cache, if the entry is within the window that holds for this caller; at
 *    once, if this isolate's memory has it. If the same question of the same caller has just been answered, its
 *    write-back is waited for before the store is read.
 * 3. Otherwise the origin answers, once for all callers who ask the same at the same time. What it confirmed is written
 *    back after the reply.
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export function readContent<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  { name, kind }: { readonly name: RepositoryName; readonly kind: AnswerKind },
  questionFor: QuestionFor<E>,
): Outcome<E> | Promise<Outcome<E>> {
  const access = authorize(ctx, upstream, name, kind);
  if (access instanceof Promise) return access.then((decided) => readWith(ctx, upstream, questionFor, decided));
  return readWith(ctx, upstream, questionFor, access);
}

function readWith<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  questionFor: QuestionFor<E>,
  access: Access,
): Outcome<E> | Promise<Outcome<E>> {
  if (access.kind === 'refused') return { kind: 'refused', response: access.answer };
  const isGranted = access.kind === 'granted';
  const caller: Caller = { isGranted, mayPush: !isGranted || access.mayPush };
  const question = questionFor(caller);
  const entry = isGranted ? question.peek?.() : undefined;
  if (!entry || !isUsable(ctx, question, entry)) return readOrAsk(ctx, upstream, question, caller);
  ctx.emit({ kind: 'hit' });
  return { kind: 'found', entry };
}

function isUsable<E extends Entry>(ctx: RequestContext, question: ContentQuestion<E>, entry: E): boolean {
  const { windowMs, accepts, isWitnessed } = question;
  return isFresh(entry, ctx.now(), windowMs) && (accepts?.(entry) ?? true) && (isWitnessed?.(entry) ?? true);
}

async function readOrAsk<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  question: ContentQuestion<E>,
  { isGranted, mayPush }: Caller,
): Promise<Outcome<E>> {
  const { flights, cacheTimeoutMs, ttls } = upstream;
  const { windowMs, staleMs, accepts, isWitnessed, digest } = question;
  const flightKey = flightQuestion(ctx, upstream, question);
  let flight: Flight<E> | undefined;
  let finished: PromiseWithResolvers<void> | undefined;
  let isFinished = false;

  async function ask(lookup: OwnLookup<E>, cancelled?: AbortSignal): Promise<OriginAnswer<E>> {
    // Keeps the request going until the write-back is over, even if the client leaves: followers may be waiting for it.
    finished = Promise.withResolvers();
    ctx.waitUntil(finished.promise);
    const joined = await joinFlight(ctx, upstream, question, lookup);
    flight = joined.flight;
    // A slow store may have answered while this request waited for the leader.
    if (isFinished) finish();
    if (joined.shared) {
      ctx.emit({ kind: 'collapsed' });
      return { kind: 'found', entry: joined.shared, confirmed: false };
    }
    const known = lookup?.outcome === 'hit' ? lookup.entry : undefined;
    const answer = await askOrigin(ctx, upstream, question, { known, isGranted, flight, cancelled });
    if (joined.flight && answer.kind === 'found' && answer.confirmed) {
      ctx.waitUntil(settleVerdict(ctx, question, answer.entry, joined.flight));
    }
    return answer;
  }
  function finish(): void {
    isFinished = true;
    flight?.landed();
    finished?.resolve();
  }

  try {
    const { answer, stored } = await (mustAsk(ctx, isGranted, windowMs + staleMs) ? askAlways() : readCache());
    if (stored) stored.finally(finish);
    else finish();
    return answer;
  } catch (error) {
    finish();
    throw error;
  }

  async function askAlways(): Promise<ReadThroughAnswer<E>> {
    // An entry that no request could ever use is not stored.
    const itemOf = (entry: E) => (retentionMs(ttls) > 0 ? (question.itemOf?.(entry) ?? question.item()) : undefined);
    const sentAt = ctx.now();
    const result = await askThrough(ctx, itemOf, () => ask(undefined));
    const isAbsent = result.answer.kind === 'relay' && result.answer.response.status === 404;
    if (isAbsent && digest && !isGranted) await recordAbsence(ctx, upstream, question, { digest, sentAt });
    return result;
  }

  async function readCache(): Promise<ReadThroughAnswer<E>> {
    if (flightKey) await within(flights.landing(flightKey), cacheTimeoutMs);
    const retryAt = staleMs > 0 ? upstream.retryAfter.until(ctx) : 0;
    const { askedAs } = upstream;
    const isProvocable = askedAs === 'nobody' && (question.hasUncommonAccept ?? false);
    return readThrough(ctx, question.item(), {
      ...{ windowMs, staleMs, accepts, isWitnessed, retryAt, mayPush, askedAs, isProvocable, cacheTimeoutMs },
      ask,
    });
  }
}

/** Whether the cache may not answer: access is unproven, or no entry could be young enough. Emits the reason. */
function mustAsk(ctx: RequestContext, isGranted: boolean, usableMs: number): boolean {
  if (!isGranted) ctx.emit({ kind: 'forward', reason: 'miss', detail: 'unproven' });
  else if (usableMs === 0) ctx.emit({ kind: 'forward', reason: 'bypass' });
  else return false;
  return true;
}
