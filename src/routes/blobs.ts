import type { Flight, Question } from '../cache/flights.ts';
import { askThrough, type OriginAnswer, type ReadThroughOptions, readThrough } from '../cache/readThrough.ts';
import type { RequestContext } from '../context.ts';
import { callerOf } from '../identity.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from '../upstream.ts';
import { authorize, learnAccess, mayTeach } from './access.ts';
import { headAnswer, relay } from './answer.ts';

export interface BlobRoute {
  readonly name: RepositoryName;
  readonly digest: Digest;
}

/**
 * `HEAD /v2/<name>/blobs/<digest>`, the main job (docs/request-handling.md tells it step by step).
 *
 * 1. If the same question of the same caller was just answered, its write-back is waited for.
 * 2. What is known of the caller's access is decided; nothing is read from the cache before.
 * 3. A caller with a grant is answered from the cache, within the window that it may rely on.
 * 4. Else the origin answers, once for all who ask the same at the same time, and what it confirmed is written back
 *    after the reply.
 */
export async function headBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Promise<Response> {
  const { ttls } = upstream;
  const question = questionOf(ctx, upstream, route);
  if (question) await upstream.flights.landing(question);

  const access = await authorize(ctx, upstream, route.name);
  if (access.kind === 'refused') return access.answer;
  const isGranted = access.kind === 'granted';
  const mayPush = !isGranted || access.mayPush;
  let flight: Flight | undefined;
  const options: ReadThroughOptions = {
    reader: (mayPush ? upstream.shared : upstream.descriptors).repositoryScoped(route.name, 'blobs'),
    writer: upstream.descriptors.repositoryScoped(route.name, 'blobs'),
    ttls,
    mayPush,
    cacheTimeoutMs: upstream.cacheTimeoutMs,
    async ask(cancelled) {
      flight = question && upstream.flights.lead(question);
      const shared = flight ? undefined : question && (await upstream.flights.follow(question));
      if (!shared) return askOrigin(ctx, upstream, route, { isGranted, flight, cancelled });
      ctx.emit({ kind: 'collapsed' });
      return { kind: 'found', entry: shared, confirmed: false };
    },
  };

  const asks = mustAsk(ctx, isGranted, mayPush ? ttls.pushExistenceMs : ttls.descriptorMs);
  const work = asks ? askThrough(ctx, route.digest, options) : readThrough(ctx, route.digest, options);
  // Held until the write-back is over, also when the client leaves: others may be waiting for it.
  const over = work.then(({ stored }) => stored).catch(() => undefined);
  ctx.waitUntil(over.finally(() => flight?.landed()));

  const { answer } = await work;
  return answer.kind === 'found' ? headAnswer(ctx, answer.entry.descriptor) : relay(ctx, answer.response);
}

/** What makes two questions one; `undefined` where nobody may join. */
function questionOf(ctx: RequestContext, { ttls }: Upstream, { name, digest }: BlobRoute): Question | undefined {
  const caller = ttls.pushExistenceMs > 0 ? callerOf(ctx.request) : undefined;
  return caller === undefined ? undefined : { name, rest: `${digest} ${caller}` };
}

/** Whether the cache may not answer: access is not proven, or nothing in it can be fresh enough. Tells why. */
function mustAsk(ctx: RequestContext, isGranted: boolean, windowMs: number): boolean {
  if (!isGranted) ctx.emit({ kind: 'forward', reason: 'miss', detail: 'unproven' });
  else if (windowMs === 0) ctx.emit({ kind: 'forward', reason: 'bypass' });
  else return false;
  return true;
}

interface Asking {
  readonly isGranted: boolean;
  readonly flight: Flight | undefined;
  readonly cancelled: AbortSignal | undefined;
}

/**
 * Asks the origin for this caller. What a redirect's target told is confirmed only for a caller with a grant: the target
 * knows nothing of the repository, and an origin may redirect strangers to a page for signing in. What was asked with
 * another identity beside the `Authorization` confirms nothing.
 */
async function askOrigin(
  ctx: RequestContext,
  upstream: Upstream,
  { name, digest }: BlobRoute,
  { isGranted, flight, cancelled }: Asking,
): Promise<OriginAnswer> {
  let shared: Entry | undefined;
  try {
    const { response, found } = await upstream.origin.statBlob(ctx, name, digest, cancelled);
    learnAccess(ctx, upstream, name, response);
    if (!found) return { kind: 'relay', response };
    const { entry, firstHand, direct } = found;
    const confirmed = firstHand && (direct || isGranted) && mayTeach(ctx, upstream);
    if (confirmed) shared = entry;
    return { kind: 'found', entry, confirmed };
  } finally {
    flight?.answered(shared);
  }
}
