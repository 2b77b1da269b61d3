import { isFresh } from '../../cache/freshness.ts';
import type { RequestContext } from '../../context.ts';
import { namesDigest } from '../../http/conditions.ts';
import { type AskedRange, partOf, rangeAsked } from '../../http/ranges.ts';
import type { Entry } from '../../oci/descriptor.ts';
import { canonicalOf } from '../../origin/confirmation.ts';
import { callerHeadersOf } from '../../upstream/callerHeaders.ts';
import { BLOB_EXISTENCE, digestIn, knownBlob } from '../../upstream/existence.ts';
import type { ContentKind } from '../../upstream/question.ts';
import { type ReadBytes, readBytes } from '../../upstream/readBytes.ts';
import { Repository } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { validators } from './answer.ts';
import { askForBlob } from './askForBlob.ts';
import { answerExistence, type BlobRoute } from './blobs.ts';
import { storedBlob, unsatisfiable } from './storedBlob.ts';

/**
 * Answers `GET /v2/<name>/blobs/<digest>` with the bytes that the edge has, or with the origin's as a stream.
 *
 * 1. Where If-None-Match names the digest, only existence matters: that is the question of a HEAD.
 * 2. A range beyond the end of a known blob is refused without the origin, if the caller has a grant, the origin serves
 *    ranges, and the request has no condition.
 * 3. A caller with a grant gets the bytes that the edge has (`BLOB_STORE`), if the repository has the blob.
 * 4. Otherwise the origin is asked.
 */
export async function getBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Promise<Response> {
  const { digest } = route;
  const { headers } = ctx.request;
  const repository = new Repository(ctx, upstream, route.name);
  const access = await repository.authorize('GET blobs');
  if (access.kind === 'refused') throw access.error;
  if (namesDigest(headers.get('if-none-match'), digest)) return answerExistence(repository, route, CONDITIONAL_GET);
  const asked = CONDITIONS.some((name) => headers.has(name)) ? ONLY_ORIGIN : rangeAsked(headers, digest);
  const stored = repository.isGranted ? await readKnown(repository, route, asked) : undefined;
  if (stored?.kind === 'found') return storedBlob(ctx, stored.entry.descriptor, stored);
  return askForBlob(repository, route, { asked, look: stored?.look });
}

/**
 * They are evaluated before a range is looked at (RFC 9110 §13.2.2), and the origin evaluates them. An If-None-Match
 * that does not name the digest changes nothing.
 */
const CONDITIONS = ['if-match', 'if-unmodified-since', 'if-modified-since'];
const ONLY_ORIGIN = { kind: 'other' } as const;

/**
 * Reads the bytes that the edge has, for a caller with a grant.
 * @returns `undefined` where there is no use in looking
 * @throws RegistryError RANGE_INVALID: the range lies beyond the end of the known blob
 */
async function readKnown(repository: Repository, route: BlobRoute, asked: AskedRange): Promise<ReadBytes | undefined> {
  const { ctx, upstream, windowMs } = repository;
  const { bytes } = upstream;
  const mayRefuse = asked.kind === 'from' && asked.first > 0 && upstream.origin.traits.hasRanges;
  if (asked.kind === 'other' || !(bytes || mayRefuse)) return undefined;
  const known = await knownBlob(repository, route.digest);
  const isKnown = known !== undefined && isFresh(known, ctx.now(), windowMs);
  // Registries disagree about ranges of an empty blob, so the origin answers those.
  if (mayRefuse && isKnown && known.descriptor.size > 0 && partOf(asked, known.descriptor.size) === 'unsatisfiable') {
    ctx.emit({ kind: 'hit' });
    throw unsatisfiable(known.descriptor.digest, `bytes */${known.descriptor.size}`);
  }
  return bytes && readBytes(repository, bytes, { target: route, digest: route.digest, asked, known });
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
    const { origin, followsRedirects: follows } = upstream;
    const { path, search } = request.target;
    const digest = digestIn(request.reference);
    const { first, response } = await origin.getBlob(ctx, path + search, {
      ...{ digest, omitHeaders: ['if-none-match', 'if-range', 'range'], follows, signal: ctx.signal },
    });
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
