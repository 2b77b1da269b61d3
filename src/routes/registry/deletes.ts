import { allDone, delay } from '../../async.ts';
import { clear, observeClear } from '../../cache/clear.ts';
import type { RequestContext } from '../../context.ts';
import { forwardBody } from '../../http/body/forwardBody.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { LinkSet } from '../../oci/links.ts';
import { ALL_MANIFESTS } from '../../oci/mediaTypes.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { Target } from '../../oci/route.ts';
import { canonicalOf, isFirstHand } from '../../origin/confirmation.ts';
import type { OriginResponse } from '../../origin/origin.ts';
import type { RepositoryDescriptors } from '../../stores/descriptors.ts';
import { CLOCK_SKEW_MS, tombstoneDurations } from '../../stores/tombstone.ts';
import { authorize, recordAccess } from '../../upstream/authorize.ts';
import { bothLinkSets } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relayUnlessStalled } from './answer.ts';

export interface DeleteRoute extends Target {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  /** What is to go: a blob or a manifest, or a tag. */
  readonly content:
    | { readonly kind: 'digest'; readonly text: Digest }
    | { readonly kind: 'tag'; readonly text: string };
}

/** What the cache has to forget. */
interface Gone {
  readonly name: RepositoryName;
  /** Grows by where its tags turn out to have led. */
  readonly digests: Set<Digest>;
  readonly tags: readonly string[];
  /** Whether the origin says that it is not there. */
  readonly isAbsent: boolean;
  /** Whether the origin let the caller read it just now. */
  readonly isProven: boolean;
}

/** KV takes one write a second for a key. */
const RETRY_MS = 1_100;

/**
 * DELETE of a blob, of a manifest by its digest, or of a tag.
 *
 * 1. The origin is asked by a HEAD, or a GET: it tells whether the caller may be here, and the canonical digest; of a tag
 *    the digest of the manifest that may go with it, as it does at some registries.
 * 2. For a caller who may, and of what is there, a tombstone is written that reaches past the end of the delete, so that
 *    nothing confirmed meanwhile counts, and a store that cannot forget stops the delete. A stranger writes nothing.
 *    Nothing is removed yet: a registry that shares the store needs what it wrote to delete the blob (3.1.1 answers 404
 *    without).
 * 3. The origin is asked to delete. This goes on when the client leaves.
 * 4. Before the reply the entry is cleared, and the tombstone renewed where that reaches farther; also for a caller whom
 *    only the DELETE's success proved. After an unknown outcome the tombstone reaches further, but for a stranger still
 *    nothing is written.
 *
 * In both link sets: registries that keep manifests among the blobs lose both.
 * @throws RegistryError UNAVAILABLE where the cache cannot forget; ORIGIN_UNREACHABLE
 */
export async function deleteContent(ctx: RequestContext, upstream: Upstream, route: DeleteRoute): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const work = deleteAndForget(ctx, upstream, route);
  ctx.waitUntil(work.catch(() => undefined));
  return relayUnlessStalled(ctx, upstream, await work);
}

async function deleteAndForget(ctx: RequestContext, upstream: Upstream, route: DeleteRoute): Promise<Response> {
  const { origin, flights } = upstream;
  const gone = await probe(ctx, upstream, route);
  const access = await authorize(ctx, upstream, route.name, `HEAD ${route.links}`);
  if (access.kind === 'refused') return access.answer;
  const isGranted = gone.isProven || access.kind === 'granted';
  // Everybody may read what is public, so without a credential that is no sign of a right to delete.
  const isNobody = ctx.caller === '' && !origin.traits.allowsAnonymousDeletes;
  const isMarked = isGranted && !gone.isAbsent && !isNobody;
  const forget = (clearedForMs: number, verb: 'clear' | 'markDeleting' = 'clear') =>
    forgetAll(ctx, upstream, gone, clearedForMs, verb);
  const { inProgressMs, unknownOutcomeMs } = tombstoneDurations(origin.timeoutMs);
  if (isMarked) await forget(inProgressMs, 'markDeleting');

  let answered: OriginResponse;
  try {
    answered = await origin.send(ctx, route.path + route.search, { method: 'DELETE', sent: forwardBody(ctx.request) });
  } catch (unreached) {
    flights.close(route.name);
    if (isMarked) await forget(unknownOutcomeMs, 'markDeleting');
    throw unreached;
  }
  flights.close(route.name);
  const { response } = answered;
  const { status } = response;
  // The page of a sign-on deletes nothing.
  const isDone = status < 300 && isFirstHand(response);
  if (isDone && ctx.caller === '') origin.traits.noteAnonymousDelete();
  const isUnknown = status >= 500 || status === 408;
  if (isUnknown && isMarked) await forget(unknownOutcomeMs, 'markDeleting');
  else if (isMarked && (isDone || status === 404)) {
    // What cannot be removed is buried, and the tombstone reaches past now.
    await forget(CLOCK_SKEW_MS).catch(() => undefined);
  } else if (isDone) await forget(CLOCK_SKEW_MS);
  else if (isGranted && status === 404) await evictMissing(ctx, upstream, gone, answered.sentAt);
  return response;
}

/**
 * Asks for what is to be deleted. Where a HEAD says neither yes nor no (a redirect, a method that the origin does not know),
 * a GET may.
 * @returns what the delete may take away
 */
async function probe(ctx: RequestContext, upstream: Upstream, route: DeleteRoute): Promise<Gone> {
  const { search, name, links, content } = route;
  // With a query it may be about something else.
  const isOwn = upstream.ownQueries.has(search);
  let response = await ask(ctx, upstream, route, 'HEAD');
  let isProven = isOwn && recordAccess(ctx, upstream, name, `HEAD ${links}`, response);
  if (isOwn && !isProven && isOpen(response)) {
    response = await ask(ctx, upstream, route, 'GET');
    isProven = recordAccess(ctx, upstream, name, `GET ${links}`, response);
  }
  const { headers, status } = response;
  const told = { name, isProven, isAbsent: isOwn && status === 404 };
  if (content.kind === 'digest') {
    return { ...told, digests: new Set([content.text, canonicalOf(headers, content.text)]), tags: [] };
  }
  const led = headers.get('docker-content-digest') ?? '';
  return { ...told, digests: new Set(isDigest(led) ? [led] : []), tags: [content.text] };
}

/** @returns an answer without its body */
async function ask(
  ctx: RequestContext,
  { origin }: Upstream,
  { path, search }: DeleteRoute,
  method: 'HEAD' | 'GET',
): Promise<Response> {
  // Registries have no manifest for who does not name its type, and of an index another one; who deletes names none.
  const question = { method, as: 'question', accept: ALL_MANIFESTS } as const;
  const { response } = await origin.send(ctx, path + search, question);
  await response.body?.cancel();
  return response;
}

function isOpen({ status }: Response): boolean {
  return (status >= 300 && status < 400) || status === 405 || status === 501;
}

/** What the origin does not have, before and after: a flood of such deletes writes nothing. */
async function evictMissing(ctx: RequestContext, upstream: Upstream, gone: Gone, sentAtMs: number): Promise<void> {
  const evictIn = (scope: RepositoryDescriptors) => scope.evict(ctx, gone.digests, sentAtMs);
  const work = () => allDone(bothLinkSets(upstream, gone.name).map(evictIn));
  await observeClear(ctx, 'clear', work).catch(() => undefined);
}

/** @throws RegistryError UNAVAILABLE: the store refused twice */
async function forgetAll(
  ctx: RequestContext,
  upstream: Upstream,
  gone: Gone,
  clearedForMs: number,
  verb: 'clear' | 'markDeleting',
): Promise<void> {
  const { tags, lists } = upstream;
  const { name, digests } = gone;
  lists.drop(name);
  const dropTags = async () => {
    for (const digest of await tags.drop(ctx, name, gone.tags, clearedForMs)) digests.add(digest);
  };
  const forget = async () => {
    if (gone.tags.length > 0) await observeClear(ctx, verb, dropTags);
    const scopes = bothLinkSets(upstream, name);
    await allDone(
      scopes.flatMap((scope) => [...digests].map((digest) => clear(ctx, digest, scope, clearedForMs, verb))),
    );
  };
  try {
    await forget().catch(async () => {
      await delay(RETRY_MS);
      await forget();
    });
  } catch (cause) {
    throw new RegistryError('UNAVAILABLE', {
      message: 'the edge cannot forget this content now; delete it again',
      cause,
    });
  }
}
