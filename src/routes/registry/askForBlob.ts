import { evictDenied } from '../../cache/clear.ts';
import { retentionMs } from '../../cache/freshness.ts';
import { lookUp } from '../../cache/lookup.ts';
import type { RequestContext } from '../../context.ts';
import { detachableFrom } from '../../http/detachable.ts';
import { type AskedRange, ifRangeHolds } from '../../http/ranges.ts';
import type { Digest } from '../../oci/digest.ts';
import { BLOB_TYPE } from '../../oci/mediaTypes.ts';
import { canonicalOf, sizeOf } from '../../origin/confirmation.ts';
import type { BlobAnswer } from '../../origin/origin.ts';
import { confirmForArchive } from '../../upstream/archive.ts';
import { type BytesLook, findBytes } from '../../upstream/blobBytes.ts';
import { callerHeadersOf } from '../../upstream/callerHeaders.ts';
import { recordAbsence } from '../../upstream/evictAbsences.ts';
import { fillAfterReply } from '../../upstream/fillAfterReply.ts';
import { fillFromGet } from '../../upstream/fillBytes.ts';
import { learnStorage } from '../../upstream/learnStorage.ts';
import { recordAccess } from '../../upstream/recordAccess.ts';
import type { Repository } from '../../upstream/repository.ts';
import { storeFromGet } from '../../upstream/storeFromGet.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { validators } from './answer.ts';
import type { BlobRoute } from './blobs.ts';
import { relayRewritten } from './relay.ts';
import { storedBlob, unsatisfiable } from './storedBlob.ts';

interface AskedBlob {
  /** What of the blob is asked for. */
  readonly asked: AskedRange;
  /** What a look at the byte store, for this caller, came to; `undefined`: there was none. */
  readonly look: BytesLook['outcome'] | undefined;
}

/**
 * Answers a GET of a blob by a GET to the origin, as a stream.
 *
 * 1. An If-Range with the digest always holds and any other never does, whatever validators the origin uses. A redirect
 *    to object storage is followed by the client, or by the edge (`BLOB_REDIRECT`).
 * 2. The cache learns the size from a whole 200 of the origin, but not the media type, which only a HEAD tells. A size
 *    that contradicts the known one evicts it and is not learnt.
 * 3. If the answer proves the caller's access, and the edge has the bytes, those are sent, and the origin's cancelled.
 *    What the edge does not have fills the byte store.
 */
export async function askForBlob(repository: Repository, route: BlobRoute, blob: AskedBlob): Promise<Response> {
  const { ctx, upstream, isGranted } = repository;
  const { digest, path, search } = route;
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const { headers } = ctx.request;
  const omitHeaders = ['if-none-match', 'if-range', ...(ifRangeHolds(headers, digest) ? [] : ['range'])];
  const request = detachableFrom(ctx.signal);
  const fetched = await upstream.origin.getBlob(ctx, path + search, {
    ...{ digest, omitHeaders, follows: upstream.followsRedirects, signal: request.signal },
  });
  const isProven = recordBlobAccess(repository, route, fetched) || isGranted;
  const stored = fetched.isDirect ? storeFromGet(repository, digest, fetched) : undefined;
  if (fetched.first.status === 404) await forgetAbsent(repository, digest, fetched.sentAt);

  const look = isProven && !isGranted ? await findForProven(repository, digest, { blob, fetched }) : undefined;
  if (look?.outcome === 'hit') return answerInstead(repository, digest, { look, fetched });
  const isMissing = (look?.outcome ?? blob.look) === 'miss';
  const response = isMissing ? fillFromGet(repository, digest, { ...fetched, request }) : fetched.response;
  if (isMissing) fillAfterReply(repository, { target: route, digest }, response);
  if (isMissing && response.status < 400) confirmForArchive(repository, digest, stored);
  return relayBlob(ctx, upstream, digest, response);
}

/**
 * Records what the origin's answer to a GET proves of the caller; a redirect that was followed proves it by its end.
 * @returns whether it proves that the caller may have blobs
 */
function recordBlobAccess(repository: Repository, { path, search, digest }: BlobRoute, fetched: BlobAnswer): boolean {
  const { first, response, isFromStorage, place } = fetched;
  const isProven = recordAccess(repository, 'GET blobs', first, isFromStorage);
  if (place) learnStorage(repository, { path, search, digest, size: sizeOf(response) ?? 0, place });
  return isProven;
}

/** Evicts a blob that the origin does not have, or notes that a caller without a grant was told so. */
async function forgetAbsent(repository: Repository, digest: Digest, sentAt: number): Promise<void> {
  const { ctx, upstream, isGranted } = repository;
  if (upstream.keepsDeleted) return;
  // An odd range of one caller must not make an open mirror forget the blob for everybody.
  const isProvocable = upstream.askedAs === 'nobody' && ctx.request.headers.has('range');
  const item = repository.item('blobs', digest);
  if (!isGranted) await recordAbsence(repository, 'blobs', { digest, sentAt });
  else if (!isProvocable && retentionMs(upstream.ttls) > 0)
    evictDenied(ctx, item, { known: lookUp(ctx, item), sentAtMs: sentAt });
}

/** Looks for bytes of the edge for a caller whose access the origin's 200 or 206 has just proved. */
async function findForProven(
  { ctx, upstream: { bytes } }: Repository,
  digest: Digest,
  { blob: { asked }, fetched }: { readonly blob: AskedBlob; readonly fetched: BlobAnswer },
): Promise<BytesLook | undefined> {
  const size = sizeOf(fetched.response);
  if (!bytes || asked.kind === 'other' || size === undefined) return undefined;
  const look = await findBytes(ctx, bytes, { digest, asked, knownSize: size });
  if (look.outcome !== 'hit' || look.found.size === size) return look;
  // Bytes that match their digest have the right size: the origin's answer is another one, and its own business.
  await look.found.body?.cancel();
  return { outcome: 'fault' };
}

/** Answers with the edge's bytes as the origin's answer would have, whose body is cancelled. */
async function answerInstead(
  { ctx, upstream }: Repository,
  digest: Digest,
  { look, fetched }: { readonly look: Extract<BytesLook, { outcome: 'hit' }>; readonly fetched: BlobAnswer },
): Promise<Response> {
  const { first, response } = fetched;
  await response.body?.cancel();
  const descriptor = {
    digest: canonicalOf(first.headers, digest),
    mediaType: response.headers.get('content-type') ?? BLOB_TYPE,
  };
  return storedBlob(ctx, descriptor, { found: look.found, callerHeaders: callerHeadersOf(ctx, upstream, first) });
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
