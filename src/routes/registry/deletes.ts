import { delay } from '../../async.ts';
import { observeClear } from '../../cache/clear.ts';
import type { RequestContext } from '../../context.ts';
import { forwardBody } from '../../http/body/forwardBody.ts';
import { RegistryError } from '../../oci/errors.ts';
import { isFirstHand } from '../../origin/confirmation.ts';
import type { OriginResponse } from '../../origin/origin.ts';
import { CLOCK_SKEW_MS, tombstoneDurations } from '../../stores/tombstone.ts';
import { evict, type Forgetting, forget } from '../../upstream/forget.ts';
import { Repository } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { type DeleteRoute, probe } from './deleteProbe.ts';
import { relayUnlessStalled } from './relay.ts';

/** KV accepts one write per second and key. */
const RETRY_MS = 1_100;

/**
 * Answers a DELETE of a blob, of a manifest by its digest, or of a tag.
 *
 * 1. The origin is asked for the content: that tells whether the caller may read here, and the canonical digest; for a
 *    tag the digest of its manifest, which some registries delete with the tag.
 * 2. If the caller may, and the content exists, a tombstone is written that outlasts the delete, so that nothing
 *    confirmed meanwhile counts. A store that cannot write it stops the delete. For a stranger nothing is written.
 *    Nothing is removed yet: a registry that shares the store needs its own records to delete the blob (3.1.1 answers
 *    404 without them).
 * 3. The origin is asked to delete. This goes on when the client leaves.
 * 4. Before the reply the entry is cleared, and the tombstone extended if it would end too early; also for a caller
 *    whose access only the DELETE's success proved. After an unknown outcome the tombstone lasts longer, but still
 *    nothing is written for a stranger.
 *
 * All of this in both link sets, since registries that keep manifests among the blobs lose both.
 * @throws RegistryError UNAVAILABLE: the cache cannot be cleared; ORIGIN_UNREACHABLE; DENIED: the tag is immutable
 */
export async function deleteContent(ctx: RequestContext, upstream: Upstream, route: DeleteRoute): Promise<Response> {
  const { name, content } = route;
  if (content.kind === 'tag' && upstream.policies.isImmutable(name, content.text)) {
    upstream.policies.deny(
      ctx,
      'IMMUTABLE_TAGS',
      'the tag is never deleted, nor set again: delete its manifest by digest',
    );
  }
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const work = deleteAndForget(new Repository(ctx, upstream, route.name), route);
  ctx.waitUntil(work.catch(() => undefined));
  return relayUnlessStalled(ctx, upstream, await work);
}

async function deleteAndForget(repository: Repository, route: DeleteRoute): Promise<Response> {
  const { ctx, upstream } = repository;
  const { origin, flights } = upstream;
  const probed = await probe(repository, route);
  // A user who may delete here needs no right to pull.
  await repository.authorize(`HEAD ${route.links}`);
  const isGranted = probed.isProven || repository.isGranted;
  // Anybody may read public content: without a credential that does not suggest a right to delete.
  const isAnonymous = ctx.caller === '' && !origin.traits.allowsAnonymousDeletes;
  const isMarked = isGranted && !probed.isAbsent && !isAnonymous;
  const clear = (clearedForMs: number) => forgetDeleted(repository, { ...probed, clearedForMs }, 'clear');
  const mark = (clearedForMs: number) => forgetDeleted(repository, { ...probed, clearedForMs }, 'markDeleting');
  const { inProgressMs, unknownOutcomeMs } = tombstoneDurations(origin.timeoutMs);
  if (isMarked) await mark(inProgressMs);

  let answered: OriginResponse;
  try {
    answered = await origin.send(ctx, route.path + route.search, { method: 'DELETE', sent: forwardBody(ctx.request) });
  } catch (unreached) {
    flights.close(route.name);
    if (isMarked) await mark(unknownOutcomeMs);
    throw unreached;
  }
  flights.close(route.name);
  const { response } = answered;
  const { status } = response;
  // A 200 that is the page of a sign-on deleted nothing.
  const isDeleted = status < 300 && isFirstHand(response);
  if (isDeleted && ctx.caller === '') origin.traits.noteAnonymousDelete();
  const isUnknown = status >= 500 || status === 408;
  if (isUnknown && isMarked) await mark(unknownOutcomeMs);
  else if (isMarked && (isDeleted || status === 404)) {
    // An entry that cannot be removed is still covered by the tombstone, which lasts longer than this.
    await clear(CLOCK_SKEW_MS).catch(() => undefined);
  } else if (isDeleted) await clear(CLOCK_SKEW_MS);
  else if (isGranted && status === 404) {
    const evicting = async () => void (await evict(repository, probed.digests, answered.sentAt));
    await observeClear(ctx, 'clear', evicting).catch(() => undefined);
  }
  return response;
}

/**
 * Forgets what is deleted, and tries once more where the store fails.
 * @throws RegistryError UNAVAILABLE: it failed twice
 */
async function forgetDeleted(
  repository: Repository,
  deleted: Forgetting,
  verb: 'clear' | 'markDeleting',
): Promise<void> {
  try {
    await forget(repository, deleted, verb).catch(async () => {
      await delay(RETRY_MS);
      await forget(repository, deleted, verb);
    });
  } catch (cause) {
    throw new RegistryError('UNAVAILABLE', { message: 'the cache cannot be cleared now: repeat the delete', cause });
  }
}
