import { evict } from '../cache/clear.ts';
import { isFresh, retentionMs } from '../cache/freshness.ts';
import type { CacheItem } from '../cache/item.ts';
import { look } from '../cache/lookup.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import { entryOf, isFirstHand } from '../origin/confirmation.ts';
import type { OriginResponse } from '../origin/origin.ts';
import type { Upstream } from '../upstream.ts';
import { within } from '../within.ts';
import { authorize, learnAccess, mayTeach } from './access.ts';
import { contentAnswer, namesDigest, relayOnTheEdge, validators } from './answer.ts';
import type { BlobRoute } from './blobs.ts';
import { itemIn, windowOf } from './linked.ts';

export interface BlobContentRoute extends BlobRoute {
  readonly path: string;
  readonly search: string;
}

/**
 * `GET /v2/<name>/blobs/<digest>`: the origin's bytes, as a stream.
 *
 * 1. A caller with a grant who names the digest in If-None-Match, or asks for a range beyond the end, is answered from a
 *    known descriptor.
 * 2. Else the origin is asked. An If-Range of the digest always holds, any other never does, whatever validators the
 *    origin itself has; a redirect to object storage is the client's to follow, or the edge's (`BLOB_REDIRECT`).
 * 3. What a whole 200 of the origin says teaches the cache; where it contradicts the size that is known, neither counts.
 */
export async function getBlob(ctx: RequestContext, upstream: Upstream, route: BlobContentRoute): Promise<Response> {
  const { name, digest } = route;
  const access = await authorize(ctx, upstream, name);
  if (access.kind === 'refused') return access.answer;
  const isGranted = access.kind === 'granted';
  const mayPush = !isGranted || access.mayPush;
  const item = itemIn(upstream, { name, links: 'blobs', digest }, mayPush);
  const { headers } = ctx.request;
  const isConditional = headers.has('if-none-match') || headers.has('range');
  const known = isGranted && isConditional ? await fresh(ctx, upstream, item, mayPush) : undefined;
  if (known && namesDigest(headers.get('if-none-match'), known.descriptor.digest)) {
    ctx.emit({ kind: 'hit' });
    return contentAnswer(ctx, known.descriptor, 'blobs');
  }
  if (known && isBeyond(headers.get('range'), known.descriptor.size) && !headers.has('if-range')) {
    ctx.emit({ kind: 'hit' });
    const size = known.descriptor.size;
    throw new RegistryError('RANGE_INVALID', { headers: { 'Content-Range': `bytes */${size}` } });
  }

  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const ifRange = headers.get('if-range');
  const without = ['if-range', ...(ifRange !== null && !namesDigest(ifRange, digest) ? ['range'] : [])];
  const answered = await upstream.origin.getBlob(ctx, route.path + route.search, {
    without,
    follows: upstream.followsRedirects,
    signal: ctx.signal,
  });
  learnAccess(ctx, upstream, name, answered.first);
  if (answered.isDirect) learn(ctx, upstream, route, item, answered);
  if (isGranted && answered.first.status === 404) evict(ctx, item, look(ctx, item));
  return answer(ctx, upstream, digest, answered.response);
}

/** What the cache knows of the blob, if this caller may rely on it and it is told in time. */
async function fresh(ctx: RequestContext, upstream: Upstream, item: CacheItem, mayPush: boolean) {
  const windowMs = windowOf(upstream, mayPush);
  if (windowMs === 0) return undefined;
  const found = await within(look(ctx, item), upstream.cacheTimeoutMs);
  return found?.outcome === 'hit' && isFresh(found.entry, ctx.now(), windowMs) ? found.entry : undefined;
}

/** RFC 9110 §14.1.2: one range that begins behind the last byte. */
function isBeyond(range: string | null, size: number): boolean {
  const first = /^bytes=([0-9]{1,16})-[0-9]*$/.exec(range ?? '')?.[1];
  return first !== undefined && Number(first) >= size;
}

/** The origin's answer, with the validators that are certain. */
function answer(ctx: RequestContext, upstream: Upstream, asked: Digest, response: Response): Response {
  const { status, headers } = response;
  if (status !== 200 && status !== 206 && status !== 304) return relayOnTheEdge(ctx, upstream, response);
  const named = headers.get('docker-content-digest') ?? '';
  const digest = isDigest(named) ? named : asked;
  const isKnown = status === 200 && namesDigest(ctx.request.headers.get('if-none-match'), digest);
  if (isKnown) ctx.waitUntil(response.body?.cancel() ?? Promise.resolve());
  const told = isKnown ? new Response(null, { status: 304, headers }) : response;
  return relayOnTheEdge(ctx, upstream, told, validators(digest, 'blobs'));
}

function learn(
  ctx: RequestContext,
  upstream: Upstream,
  { digest }: BlobRoute,
  item: CacheItem,
  { response, sentAt }: OriginResponse,
): void {
  const entry = entryOf(response, digest, sentAt);
  if (!entry || !isFirstHand(response) || !mayTeach(ctx, upstream) || retentionMs(upstream.ttls) === 0) return;
  writeBack(ctx, doubting(item), entry);
}

/** Of two sizes one is wrong, and nobody knows which: the origin is asked again. */
function doubting(item: CacheItem): CacheItem {
  return {
    ...item,
    async set(ctx, entry, known) {
      if (!contradicts(entry, known)) return item.set(ctx, entry, known);
      ctx.log.warn('the size in the cache is contradicted', { digest: entry.descriptor.digest });
      await item.clear(ctx);
      ctx.emit({ kind: 'clear', outcome: 'done' });
      return false;
    },
  };
}

function contradicts(entry: Entry, known: Entry | undefined): boolean {
  return known !== undefined && known.descriptor.size !== entry.descriptor.size;
}
