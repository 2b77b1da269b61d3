import type { OriginAnswer } from '../cache/originAnswer.ts';
import type { RequestContext } from '../context.ts';
import type { Flight } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import { callerHeadersOf } from './callerHeaders.ts';
import { storesAnswersFor } from './learn.ts';
import { recordAccess } from './proof.ts';
import type { ContentQuestion } from './question.ts';
import type { Upstream } from './upstream.ts';

export interface Asking<E extends Entry> {
  readonly isGranted: boolean;
  readonly known?: E | undefined;
  readonly flight?: Flight<E> | undefined;
  readonly cancelled?: AbortSignal | undefined;
}

/**
 * Asks the origin for this caller. What a redirect's target told is confirmed only for a caller with a grant, unless it is
 * known to be the origin's storage: else the target knows nothing of the repository, and an origin may redirect strangers to
 * a page for signing in. What was asked with another identity besides the `Authorization` confirms nothing.
 */
export async function askOrigin<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  question: Pick<ContentQuestion<E>, 'name' | 'links' | 'staleMs' | 'ask'>,
  { known, isGranted, flight, cancelled }: Asking<E>,
): Promise<OriginAnswer<E>> {
  let shared: E | undefined;
  const sentAtMs = ctx.now();
  try {
    const { response, method, relay = response, found } = await question.ask(known, cancelled);
    const byStorage = found?.byStorage ?? false;
    recordAccess(ctx, upstream, question.name, `${method} ${question.links}`, response, byStorage);
    // What another question was told says nothing of those that a stale answer would do for.
    if (question.staleMs > 0) upstream.retryAfter.note(ctx, response);
    if (!found) return { kind: 'relay', response: relay, sentAtMs };
    const { entry, firstHand, direct } = found;
    if (firstHand) upstream.absences.forget(ctx, question.name, question.links, entry.descriptor.digest);
    const confirmed = firstHand && (direct || byStorage || isGranted) && storesAnswersFor(ctx, upstream);
    if (confirmed) shared = entry;
    return { kind: 'found', entry, confirmed, callerHeaders: callerHeadersOf(ctx, upstream, response) };
  } finally {
    flight?.answered(shared);
  }
}
