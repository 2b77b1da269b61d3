import type { OriginAnswer } from '../cache/originAnswer.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { Entry } from '../oci/descriptor.ts';
import { callerHeadersOf } from './callerHeaders.ts';
import { learnStorage } from './learnStorage.ts';
import { findPinned } from './pinnedTag.ts';
import { type AskOptions, type Question, windowsOf } from './question.ts';
import { recordAccess } from './recordAccess.ts';
import type { Repository } from './repository.ts';
import { mayStoreAnswersTo } from './storeFromPush.ts';

/**
 * Asks the origin on behalf of this caller, and records what its answer proves of the caller.
 *
 * The answer of a redirect's target counts as confirmed only if the caller has a grant, or if the target is known to be
 * the origin's own storage. Any other target knows nothing of the repository, and an origin may redirect strangers to a
 * sign-in page. Whether it is the storage is found out after the reply. A request with another identity besides its
 * `Authorization` confirms nothing.
 * @param isGranted whether the caller has a grant for this kind of answer; by default as `repository` says
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function askOrigin<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  { isGranted = repository.isGranted, ...options }: AskOptions<E> & { readonly isGranted?: boolean },
): Promise<OriginAnswer<E>> {
  const { ctx, upstream } = repository;
  const { kind } = question;
  const sentAtMs = ctx.now();
  const asked = await kind.ask(repository, question, options);
  if ('stored' in asked) return { kind: 'found', entry: asked.stored, confirmed: false, isStored: true };
  const { response, method, relay = response, found, isLost } = asked;
  const isFromStorage = found?.isFromStorage ?? false;
  const answered = `${method} ${kind.links}` as const;
  const isProven = recordAccess(repository, answered, response, isFromStorage);
  if (answered === 'HEAD manifests') upstream.pulls?.observe(ctx, response, 0);
  // `Retry-After` is noted only for questions that a stale answer could satisfy; other limits do not concern these.
  if (windowsOf(repository, question).staleMs > 0) upstream.retryAfter.observe(ctx, response);
  if (!found) return { kind: 'relay', response: relay, sentAtMs, isLost };
  const { entry, isFirstHand, isDirect, place } = found;
  const pinned = isProven || isGranted ? await findPinned(repository, question, entry) : undefined;
  const callerHeaders = callerHeadersOf(ctx, upstream, response);
  if (pinned) return { kind: 'found', entry: pinned, confirmed: false, callerHeaders };
  if (isFirstHand) upstream.absences.forget(ctx, repository.name, kind.links, entry.descriptor.digest);
  const confirmed = isFirstHand && (isDirect || isFromStorage || isGranted) && mayStoreAnswersTo(ctx, upstream);
  const { reference, target } = question;
  // For callers who accept other types: registries that limit pulls count each GET, and no HEAD.
  if (reference.kind === 'tag' && upstream.askedAs === 'nobody')
    upstream.recentTags.add(ctx, repository.name, reference.text, entry.descriptor.digest);
  if (place && !confirmed && reference.kind === 'digest') {
    const blob = { ...target, digest: reference.text, size: entry.descriptor.size, place };
    learnStorage(repository, blob, () => writeBack(ctx, kind.item(repository, reference.text), entry));
  }
  return { kind: 'found', entry, confirmed, callerHeaders };
}
