import { within } from '../../async.ts';
import { evictDenied } from '../../cache/clear.ts';
import { isFresh, retentionMs } from '../../cache/freshness.ts';
import type { CacheItem } from '../../cache/item.ts';
import { lookUp } from '../../cache/lookup.ts';
import type { RequestContext } from '../../context.ts';
import { namesDigest } from '../../http/conditions.ts';
import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { canonicalOf, sizeOf } from '../../origin/confirmation.ts';
import type { BlobAnswer } from '../../origin/origin.ts';
import { type CallerHeaders, callerHeadersOf } from '../../upstream/callerHeaders.ts';
import { recordAbsence } from '../../upstream/evictAbsences.ts';
import { BLOB_EXISTENCE, digestIn } from '../../upstream/existence.ts';
import { learnStorage } from '../../upstream/learnStorage.ts';
import type { ContentKind } from '../../upstream/question.ts';
import { recordAccess } from '../../upstream/recordAccess.ts';
import { Repository } from '../../upstream/repository.ts';
import { storeFromGet } from '../../upstream/storeFromGet.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { validators } from './answer.ts';
import { answerExistence, type BlobRoute } from './blobs.ts';
import { relayRewritten } from './relay.ts';

/**
 * Answers `GET /v2/<name>/blobs/<digest>` with the origin's bytes, as a stream.
 *
 * 1. Where If-None-Match names the digest, only existence matters: that is the question of a HEAD.
 * 2. A range beyond the end of a known blob is refused without the origin, if the caller has a grant, the origin serves
 *    ranges, and the request has no condition.
 * 3. Otherwise the origin is asked. An If-Range with the digest always holds and any other never does, whatever
 *    validators the origin uses. A redirect to object storage is followed by the client, or by the edge
 *    (`BLOB_REDIRECT`).
 * 4. The cache learns the size from a whole 200 of the origin, but not the media type, which only a HEAD tells. A size
 *    that contradicts the known one evicts it and is not learnt.
 */
export async function getBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Promise<Response> {
  const { digest } = route;
  const { headers } = ctx.request;
  const repository = new Repository(ctx, upstream, route.name);
  const access = await repository.authorize('GET blobs');
  if (access.kind === 'refused') throw access.error;
  if (namesDigest(headers.get('if-none-match'), digest)) return answerExistence(repository, route, CONDITIONAL_GET);
  const { isGranted } = repository;
  const item = repository.item('blobs', digest);
  const ifRange = headers.get('if-range');
  const firstByte = firstByteIn(headers.get('range'));
  const isConditional = CONDITIONS.some((name) => headers.has(name));
  const mayRefuse = isGranted && firstByte > 0 && !isConditional && upstream.origin.traits.hasRanges;
  const known = mayRefuse ? await freshEntry(repository, item) : undefined;
  // Registries disagree about ranges of an empty blob, so the origin answers those.
  if (known && known.descriptor.size > 0 && firstByte >= known.descriptor.size) {
    ctx.emit({ kind: 'hit' });
    throw unsatisfiable(known.descriptor.digest, `bytes */${known.descriptor.size}`);
  }

  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const dropsRange = ifRange !== null && ifRange !== `"${digest}"` && ifRange !== digest;
  const omitHeaders = ['if-none-match', 'if-range', ...(dropsRange ? ['range'] : [])];
  const fetched = await fetchBlob(repository, route, omitHeaders);
  recordBlobAccess(repository, route, fetched);
  if (fetched.isDirect) storeFromGet(repository, digest, fetched);
  // An odd range of one caller must not make an open mirror forget the blob for everybody.
  const isProvocable = upstream.askedAs === 'nobody' && headers.has('range');
  if (fetched.first.status === 404) {
    const { sentAt } = fetched;
    if (!isGranted) await recordAbsence(repository, 'blobs', { digest, sentAt });
    else if (!isProvocable && retentionMs(upstream.ttls) > 0)
      evictDenied(ctx, item, { known: lookUp(ctx, item), sentAtMs: sentAt });
  }
  return relayBlob(ctx, upstream, digest, fetched.response);
}

/** Records what the origin's answer to a GET proves of the caller; a redirect that was followed proves it by its end. */
function recordBlobAccess(repository: Repository, { path, search, digest }: BlobRoute, fetched: BlobAnswer): void {
  const { first, response, isFromStorage, place } = fetched;
  recordAccess(repository, 'GET blobs', first, isFromStorage);
  if (place) learnStorage(repository, { path, search, digest, size: sizeOf(response) ?? 0, place });
}

function fetchBlob(
  { ctx, upstream }: Repository,
  { path, search, digest }: Pick<BlobRoute, 'path' | 'search' | 'digest'>,
  omitHeaders: readonly string[],
) {
  const { origin, followsRedirects: follows } = upstream;
  return origin.getBlob(ctx, path + search, { digest, omitHeaders, follows, signal: ctx.signal });
}

/**
 * Asks for a 304, or for the origin's answer to a GET of a blob that it does not have. A HEAD is enough for a caller
 * with a grant; for any other caller it would prove less than a 304 to a GET says.
 */
const CONDITIONAL_GET: ContentKind<Entry> = {
  ...BLOB_EXISTENCE,
  answers: 'GET blobs',
  async ask(repository, request, options) {
    const { ctx, upstream, isGranted } = repository;
    const stat = isGranted ? await BLOB_EXISTENCE.ask(repository, request, options) : undefined;
    if (stat?.found) return stat;
    const digest = digestIn(request.reference);
    const { first, response } = await fetchBlob(repository, { ...request.target, digest }, [
      'if-none-match',
      'if-range',
      'range',
    ]);
    const method = 'GET';
    if (response.status !== 200) return { response: first, method, relay: response };
    // The blob exists; a 304 does not need its size.
    await response.body?.cancel();
    const canonical = canonicalOf(first.headers, digest);
    const own = { ...validators(canonical, upstream.origin.traits.hasRanges), 'Cache-Control': 'no-cache' };
    const headers = { ...callerHeadersOf(ctx, upstream, first), ...own };
    return { response: first, method, relay: new Response(null, { status: 304, headers }) };
  },
};

/** Returns the error for a range beyond the end. It names the digest, as registries do in a 416. */
function unsatisfiable(digest: Digest, contentRange: string | null, callerHeaders?: CallerHeaders): RegistryError {
  const range = contentRange !== null && { 'Content-Range': contentRange };
  return new RegistryError('RANGE_INVALID', {
    headers: { ...callerHeaders, 'Docker-Content-Digest': digest, ...range },
  });
}

/** Returns the cached entry, if the cache answers in time and the caller may rely on the entry's age. */
async function freshEntry({ ctx, upstream, windowMs }: Repository, item: CacheItem) {
  if (windowMs === 0) return undefined;
  const found = await within(lookUp(ctx, item), upstream.cacheTimeoutMs);
  return found?.outcome === 'hit' && isFresh(found.entry, ctx.now(), windowMs) ? found.entry : undefined;
}

/**
 * They are evaluated before a range is looked at (RFC 9110 §13.2.2), and the origin evaluates them. An If-None-Match
 * that does not name the digest changes nothing.
 */
const CONDITIONS = ['if-match', 'if-unmodified-since', 'if-modified-since', 'if-range'];

/** Returns where a single range begins (RFC 9110 §14.1.2); 0 where there is no range, or one of another form. */
function firstByteIn(range: string | null): number {
  return Number(/^bytes=([0-9]{1,16})-[0-9]*$/.exec(range ?? '')?.[1] ?? 0);
}

/**
 * Relays the origin's response, with the edge's own validators.
 * @param asked the digest in the request, which may be an alias of the canonical one
 * @throws RegistryError RANGE_INVALID in place of the origin's 416
 */
function relayBlob(ctx: RequestContext, upstream: Upstream, asked: Digest, response: Response): Response {
  const { status, headers } = response;
  if (status === 416) {
    ctx.waitUntil(response.body?.cancel() ?? Promise.resolve());
    const digest = canonicalOf(headers, asked);
    throw unsatisfiable(digest, headers.get('content-range'), callerHeadersOf(ctx, upstream, response));
  }
  if (status !== 200 && status !== 206) return relayRewritten(ctx, upstream, response);
  const digest = canonicalOf(headers, asked);
  return relayRewritten(ctx, upstream, response, validators(digest, upstream.origin.traits.hasRanges));
}
