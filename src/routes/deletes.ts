import { clear } from '../cache/clear.ts';
import { CLOCK_SKEW_MS, deleteReach } from '../cache/tombstone.ts';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import { canonicalOf } from '../origin/confirmation.ts';
import type { OriginResponse } from '../origin/origin.ts';
import type { Upstream } from '../upstream.ts';
import { delay } from '../within.ts';
import { authorize, learnAccess } from './access.ts';
import { relayOnTheEdge } from './answer.ts';

export interface DeleteRoute {
  readonly path: string;
  readonly search: string;
  readonly name: RepositoryName;
}

/** KV takes one write a second for a key. */
const RETRY_MS = 1_100;

/**
 * DELETE of a blob, or of a manifest by its digest.
 *
 * 1. The origin is asked by a HEAD: it tells whether the caller may be here, and the canonical digest.
 * 2. For a caller who may, a tombstone is written that reaches past the end of the delete, so that nothing confirmed
 *    meanwhile counts, and a store that cannot forget stops the delete. A stranger writes nothing. Nothing is removed
 *    yet: a registry that shares the store needs what it wrote to delete the blob (3.1.1 answers 404 without).
 * 3. The origin is asked to delete. This goes on when the client leaves.
 * 4. Before the reply the entry is cleared, and the tombstone renewed; also for a caller whom only the DELETE proved.
 *
 * In both link sets: registries that keep manifests among the blobs lose both.
 * @throws RegistryError UNAVAILABLE where the cache cannot forget; ORIGIN_UNREACHABLE
 */
export async function deleteContent(
  ctx: RequestContext,
  upstream: Upstream,
  route: DeleteRoute,
  digest: Digest,
): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const work = deleteAndForget(ctx, upstream, route, digest);
  ctx.waitUntil(work.catch(() => undefined));
  return relayOnTheEdge(ctx, upstream, await work);
}

async function deleteAndForget(
  ctx: RequestContext,
  upstream: Upstream,
  route: DeleteRoute,
  digest: Digest,
): Promise<Response> {
  const { origin } = upstream;
  const canonical = await probe(ctx, upstream, route, digest);
  const access = await authorize(ctx, upstream, route.name);
  if (access.kind === 'refused') return access.answer;
  const isGranted = access.kind === 'granted';
  const digests = new Set([digest, canonical]);
  const forget = (reachMs: number, verb: 'clear' | 'bury' = 'clear') =>
    forgetAll(ctx, upstream, route.name, digests, reachMs, verb);
  const { underWayMs, unknownMs } = deleteReach(origin.timeoutMs);
  if (isGranted) await forget(underWayMs, 'bury');

  let answered: OriginResponse;
  try {
    answered = await origin.send(ctx, route.path + route.search, { method: 'DELETE', body: ctx.request.body });
  } catch (unreached) {
    upstream.flights.close(route.name);
    await forget(unknownMs, 'bury');
    throw unreached;
  }
  upstream.flights.close(route.name);
  const { status } = answered.response;
  if (status >= 500 || status === 408) await forget(unknownMs, 'bury');
  else if (isGranted && (status < 300 || status === 404)) {
    // What cannot be removed is buried, and the tombstone reaches past now.
    await forget(CLOCK_SKEW_MS).catch(() => undefined);
  } else if (status < 300) await forget(CLOCK_SKEW_MS);
  return answered.response;
}

/** @returns the canonical digest that the origin names, or the digest itself */
async function probe(ctx: RequestContext, upstream: Upstream, { path, search, name }: DeleteRoute, digest: Digest) {
  const { response } = await upstream.origin.send(ctx, path + search, { method: 'HEAD', body: null });
  // With a query it may be about something else.
  if (upstream.ownQueries.has(search)) learnAccess(ctx, upstream, name, response);
  return canonicalOf(response.headers, digest);
}

/** @throws RegistryError UNAVAILABLE: the store refused twice */
async function forgetAll(
  ctx: RequestContext,
  { descriptors }: Upstream,
  name: RepositoryName,
  digests: ReadonlySet<Digest>,
  reachMs: number,
  verb: 'clear' | 'bury',
): Promise<void> {
  const scopes = (['blobs', 'manifests'] as const).map((links) => descriptors.repositoryScoped(name, links));
  const forget = () =>
    Promise.all(scopes.flatMap((scope) => [...digests].map((digest) => clear(ctx, digest, scope, reachMs, verb))));
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
