import type { OriginAnswer } from '../cache/originAnswer.ts';
import type { RequestContext } from '../context.ts';
import type { Flight } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import { recordAccess } from './authorize.ts';
import { callerHeadersOf } from './callerHeaders.ts';
import type { ContentQuestion } from './question.ts';
import { mayStoreAnswersTo } from './storeFromPush.ts';
import type { Upstream } from './upstream.ts';

export interface AskOptions<E extends Entry> {
  /** Whether the caller has proved that it may have this kind of answer. */
  readonly isGranted: boolean;
  /** The stored entry, if there is one that may not answer this caller as it is. */
  readonly known?: E | undefined;
  /** The flight that this request leads. */
  readonly flight?: Flight<E> | undefined;
  /** Ends the question early. */
  readonly cancelled?: AbortSignal | undefined;
}

/**
 * Asks the origin on behalf of this caller, and records what its answer proves of the caller.
 *
 * The answer of a redirect's target counts as confirmed only if the caller has a grant, or if the target is known to be
 * the origin's own storage. Any other target knows nothing of the repository, and an origin may redirect strangers to a
 * sign-in page. A request with another identity besides its `Authorization` confirms nothing.
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function askOrigin<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  question: Pick<ContentQuestion<E>, 'name' | 'links' | 'staleMs' | 'ask'>,
  { known, isGranted, flight, cancelled }: AskOptions<E>,
): Promise<OriginAnswer<E>> {
  let shared: E | undefined;
  const sentAtMs = ctx.now();
  try {
    const { response, method, relay = response, found } = await question.ask(known, cancelled);
    const isFromStorage = found?.isFromStorage ?? false;
    recordAccess(ctx, upstream, question.name, `${method} ${question.links}`, response, isFromStorage);
    // `Retry-After` is noted only for questions that a stale answer could satisfy; other limits do not concern these.
    if (question.staleMs > 0) upstream.retryAfter.observe(ctx, response);
    if (!found) return { kind: 'relay', response: relay, sentAtMs };
    const { entry, isFirstHand, isDirect } = found;
    if (isFirstHand) upstream.absences.forget(ctx, question.name, question.links, entry.descriptor.digest);
    const confirmed = isFirstHand && (isDirect || isFromStorage || isGranted) && mayStoreAnswersTo(ctx, upstream);
    if (confirmed) shared = entry;
    return { kind: 'found', entry, confirmed, callerHeaders: callerHeadersOf(ctx, upstream, response) };
  } finally {
    flight?.answered(shared);
  }
}
