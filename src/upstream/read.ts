import type { Access, AnswerKind } from '../access/authorizer.ts';
import { within } from '../async.ts';
import { isFresh, retentionMs } from '../cache/freshness.ts';
import type { OriginAnswer } from '../cache/originAnswer.ts';
import { askThrough, type ReadThroughAnswer, readThrough } from '../cache/readThrough.ts';
import type { RequestContext } from '../context.ts';
import type { Flight } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { RepositoryName } from '../oci/name.ts';
import { recordAbsence } from './absent.ts';
import { askOrigin } from './askOrigin.ts';
import type { CallerHeaders } from './callerHeaders.ts';
import { authorize } from './proof.ts';
import { type Caller, type ContentQuestion, joinable, type QuestionFor } from './question.ts';
import { askTogether, judge, type Looked } from './shared.ts';
import type { Upstream } from './upstream.ts';

/** What a read came to: an entry to answer with, or a response: the origin's to be relayed, or the authorizer's refusal. */
export type Outcome<E extends Entry> =
  | { readonly kind: 'found'; readonly entry: E; readonly callerHeaders?: CallerHeaders }
  | { readonly kind: 'relay' | 'refused'; readonly response: Response };

/**
 * HEAD or GET of content, the main job (docs/request-handling.md tells it step by step).
 *
 * 1. What is known of the caller's right to this kind of answer is decided; nothing is read from the cache before.
 * 2. A caller with a grant is answered from the cache, within the window that it may rely on; at once, where this
 *    isolate's memory knows. If the same question of the same caller was just answered, its write-back is waited for
 *    before the store is read.
 * 3. Else the origin answers, once for all who ask the same at the same time, and what it confirmed is written back
 *    after the reply.
 */
export function readContent<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  { name, kind }: { readonly name: RepositoryName; readonly kind: AnswerKind },
  asked: QuestionFor<E>,
): Outcome<E> | Promise<Outcome<E>> {
  const access = authorize(ctx, upstream, name, kind);
  if (access instanceof Promise) return access.then((decided) => answerTo(ctx, upstream, asked, decided));
  return answerTo(ctx, upstream, asked, access);
}

function answerTo<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  asked: QuestionFor<E>,
  access: Access,
): Outcome<E> | Promise<Outcome<E>> {
  if (access.kind === 'refused') return { kind: 'refused', response: access.answer };
  const isGranted = access.kind === 'granted';
  const caller: Caller = { isGranted, mayPush: !isGranted || access.mayPush };
  const question = asked(caller);
  const known = isGranted ? question.peek?.() : undefined;
  if (!known || !isUsable(ctx, question, known)) return readOrAsk(ctx, upstream, question, caller);
  ctx.emit({ kind: 'hit' });
  return { kind: 'found', entry: known };
}

function isUsable<E extends Entry>(ctx: RequestContext, question: ContentQuestion<E>, known: E): boolean {
  const { windowMs, accepts, isWitnessed } = question;
  return isFresh(known, ctx.now(), windowMs) && (accepts?.(known) ?? true) && (isWitnessed?.(known) ?? true);
}

async function readOrAsk<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  question: ContentQuestion<E>,
  { isGranted, mayPush }: Caller,
): Promise<Outcome<E>> {
  const { flights, cacheTimeoutMs, ttls } = upstream;
  const { windowMs, staleMs, accepts, isWitnessed, digest } = question;
  const joined = joinable(ctx, upstream, question);
  let flight: Flight<E> | undefined;
  let finished: PromiseWithResolvers<void> | undefined;
  let isFinished = false;

  async function ask(looked: Looked<E>, cancelled?: AbortSignal): Promise<OriginAnswer<E>> {
    // Held until the write-back is over, also when the client leaves: others may be waiting for it.
    finished = Promise.withResolvers();
    ctx.waitUntil(finished.promise);
    const { flight: own, shared } = await askTogether(ctx, upstream, question, looked);
    flight = own;
    // The store may have answered, late, while this waited for another's answer.
    if (isFinished) finish();
    if (shared) {
      ctx.emit({ kind: 'collapsed' });
      return { kind: 'found', entry: shared, confirmed: false };
    }
    const known = looked?.outcome === 'hit' ? looked.entry : undefined;
    const answer = await askOrigin(ctx, upstream, question, { known, isGranted, flight, cancelled });
    if (own && answer.kind === 'found' && answer.confirmed) ctx.waitUntil(judge(ctx, question, answer.entry, own));
    return answer;
  }
  function finish(): void {
    isFinished = true;
    flight?.landed();
    finished?.resolve();
  }

  try {
    const { answer, stored } = await readOrElse();
    if (stored) stored.finally(finish);
    else finish();
    return answer;
  } catch (error) {
    finish();
    throw error;
  }

  async function readOrElse(): Promise<ReadThroughAnswer<E>> {
    if (mustAsk(ctx, isGranted, windowMs + staleMs)) {
      // What could never be used is not kept.
      const itemOf = (entry: E) => (retentionMs(ttls) > 0 ? (question.itemOf?.(entry) ?? question.item()) : undefined);
      const sentAt = ctx.now();
      const asked = await askThrough(ctx, itemOf, () => ask(undefined));
      const isAbsent = asked.answer.kind === 'relay' && asked.answer.response.status === 404;
      if (isAbsent && digest && !isGranted) await recordAbsence(ctx, upstream, question, { digest, sentAt });
      return asked;
    }
    if (joined) await within(flights.landing(joined), cacheTimeoutMs);
    const retryAt = staleMs > 0 ? upstream.retryAfter.until(ctx) : 0;
    const isOpen = upstream.readOnly;
    const isProvocable = isOpen && (question.isOdd ?? false);
    return readThrough(ctx, question.item(), {
      ...{ windowMs, staleMs, accepts, isWitnessed, retryAt, mayPush, isOpen, isProvocable, cacheTimeoutMs },
      ask,
    });
  }
}

/** Whether the cache may not answer: access is not proven, or nothing in it can be young enough. Tells why. */
function mustAsk(ctx: RequestContext, isGranted: boolean, usableMs: number): boolean {
  if (!isGranted) ctx.emit({ kind: 'forward', reason: 'miss', detail: 'unproven' });
  else if (usableMs === 0) ctx.emit({ kind: 'forward', reason: 'bypass' });
  else return false;
  return true;
}
