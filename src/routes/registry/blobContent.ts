import { within } from '../../async.ts';
import { evictDenied } from '../../cache/clear.ts';
import { isFresh } from '../../cache/freshness.ts';
import type { CacheItem } from '../../cache/item.ts';
import { lookUp } from '../../cache/lookup.ts';
import type { RequestContext } from '../../context.ts';
import { namesDigest } from '../../http/conditions.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { canonicalOf } from '../../origin/confirmation.ts';
import { authorize, recordAccess } from '../../upstream/authorize.ts';
import { type CallerHeaders, callerHeadersOf } from '../../upstream/callerHeaders.ts';
import { recordAbsence } from '../../upstream/evictAbsences.ts';
import { repositoryItem, windowOf } from '../../upstream/repository.ts';
import { storeFromGet } from '../../upstream/storeFromGet.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relayRewritten, validators } from './answer.ts';
import { answerExistence, type BlobRoute } from './blobs.ts';

/**
 * `GET /v2/<name>/blobs/<digest>`: the origin's bytes, as a stream.
 *
 * 1. To a caller who names the digest in If-None-Match only existence matters: that is the HEAD's question.
 * 2. A range beyond the end of a known blob is refused without the origin, to a caller with a grant, where the origin has
 *    ranges at all.
 * 3. Else the origin is asked. An If-Range of the digest always holds, any other never does, whatever validators the
 *    origin itself has; a redirect to object storage is the client's to follow, or the edge's (`BLOB_REDIRECT`).
 * 4. What a whole 200 of the origin says teaches the cache, except for the media type, which is a HEAD's to tell; where it
 *    contradicts the size that is known, neither counts.
 */
export async function getBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Promise<Response> {
  const { name, digest } = route;
  const { headers } = ctx.request;
  const access = await authorize(ctx, upstream, name, 'GET blobs');
  if (access.kind === 'refused') return access.answer;
  const isGranted = access.kind === 'granted';
  if (namesDigest(headers.get('if-none-match'), digest)) return statForGet(ctx, upstream, route, isGranted);
  const mayPush = !isGranted || access.mayPush;
  const item = repositoryItem(upstream, { name, links: 'blobs', digest }, mayPush);
  const ifRange = headers.get('if-range');
  const firstByte = firstByteIn(headers.get('range'));
  const mayRefuse = isGranted && firstByte > 0 && ifRange === null && upstream.origin.traits.hasRanges;
  const known = mayRefuse ? await fresh(ctx, upstream, item, mayPush) : undefined;
  // What an empty blob has of a range registries do not agree on.
  if (known && known.descriptor.size > 0 && firstByte >= known.descriptor.size) {
    ctx.emit({ kind: 'hit' });
    throw unsatisfiable(known.descriptor.digest, `bytes */${known.descriptor.size}`);
  }

  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const isWhole = ifRange !== null && ifRange !== `"${digest}"` && ifRange !== digest;
  const without = ['if-none-match', 'if-range', ...(isWhole ? ['range'] : [])];
  const answered = await fetchBlob(ctx, upstream, route, without);
  recordAccess(ctx, upstream, name, 'GET blobs', answered.first);
  if (answered.isDirect) storeFromGet(ctx, upstream, digest, item, answered);
  // One caller's odd range must not make an open mirror forget for all.
  const isProvocable = upstream.readOnly && headers.has('range');
  if (answered.first.status === 404) {
    const { sentAt } = answered;
    if (!isGranted) await recordAbsence(ctx, upstream, { name, links: 'blobs' }, { digest, sentAt });
    else if (!isProvocable) evictDenied(ctx, item, { known: lookUp(ctx, item), sentAtMs: sentAt });
  }
  return answer(ctx, upstream, digest, answered.response);
}

function fetchBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute, without: readonly string[]) {
  const { origin, followsRedirects: follows } = upstream;
  return origin.getBlob(ctx, route.path + route.search, { without, follows, signal: ctx.signal });
}

/**
 * Answers with a 304, or as the origin does to a GET of what it does not have. A HEAD is enough to ask for a caller who may
 * have the content; of any other it would prove less than the answer says.
 */
function statForGet(
  ctx: RequestContext,
  upstream: Upstream,
  route: BlobRoute,
  isGranted: boolean,
): Response | Promise<Response> {
  return answerExistence(ctx, upstream, route, async (cancelled) => {
    const stat = isGranted ? await upstream.origin.statBlob(ctx, route, cancelled) : undefined;
    if (stat?.found) return stat;
    const { first, response } = await fetchBlob(ctx, upstream, route, ['if-none-match', 'if-range', 'range']);
    const method = 'GET';
    if (response.status !== 200) return { response: first, method, relay: response };
    // It is there, whatever its size.
    await response.body?.cancel();
    const digest = canonicalOf(first.headers, route.digest);
    const certain = { ...validators(digest, upstream.origin.traits.hasRanges), 'Cache-Control': 'no-cache' };
    const relay = new Response(null, {
      status: 304,
      headers: { ...callerHeadersOf(ctx, upstream, first), ...certain },
    });
    return { response: first, method, relay };
  });
}

/** With what registries say in a 416 besides: of which blob. */
function unsatisfiable(digest: Digest, contentRange: string | null, said?: CallerHeaders): RegistryError {
  const range = contentRange !== null && { 'Content-Range': contentRange };
  return new RegistryError('RANGE_INVALID', { headers: { ...said, 'Docker-Content-Digest': digest, ...range } });
}

/** What the cache knows of the blob, if this caller may rely on it and it is told in time. */
async function fresh(ctx: RequestContext, upstream: Upstream, item: CacheItem, mayPush: boolean) {
  const windowMs = windowOf(upstream, mayPush);
  if (windowMs === 0) return undefined;
  const found = await within(lookUp(ctx, item), upstream.cacheTimeoutMs);
  return found?.outcome === 'hit' && isFresh(found.entry, ctx.now(), windowMs) ? found.entry : undefined;
}

/** RFC 9110 §14.1.2: where one range begins; 0 where there is none, or another kind of it. */
function firstByteIn(range: string | null): number {
  return Number(/^bytes=([0-9]{1,16})-[0-9]*$/.exec(range ?? '')?.[1] ?? 0);
}

/** The origin's answer, with the validators that are certain. */
function answer(ctx: RequestContext, upstream: Upstream, asked: Digest, response: Response): Response {
  const { status, headers } = response;
  if (status === 416) {
    ctx.waitUntil(response.body?.cancel() ?? Promise.resolve());
    throw unsatisfiable(
      canonicalOf(headers, asked),
      headers.get('content-range'),
      callerHeadersOf(ctx, upstream, response),
    );
  }
  if (status !== 200 && status !== 206) return relayRewritten(ctx, upstream, response);
  return relayRewritten(
    ctx,
    upstream,
    response,
    validators(canonicalOf(headers, asked), upstream.origin.traits.hasRanges),
  );
}
