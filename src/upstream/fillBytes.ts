import { fillStream } from '../bytes/fillStream.ts';
import type { Detachable } from '../http/detachable.ts';
import type { Digest } from '../oci/digest.ts';
import { sizeOf } from '../origin/confirmation.ts';
import type { FillOutcome } from '../telemetry/events.ts';
import type { BlobBytes } from './blobBytes.ts';
import type { Repository } from './repository.ts';
import { isStorable } from './storeFromPush.ts';
import type { Upstream } from './upstream.ts';

/**
 * Fills the byte store with a whole blob on its way to the client.
 * @param response the origin's, or that of its storage
 * @param request the request that it answers, which from now on may outlive the client
 * @returns the response for the client; the given one where nothing is filled
 */
export function fillFromGet(
  repository: Repository,
  digest: Digest,
  { response, request }: { readonly response: Response; readonly request: Detachable },
): Response {
  const { ctx, upstream } = repository;
  const { bytes } = upstream;
  const size = response.status === 200 ? sizeOf(response) : undefined;
  if (!bytes?.fillsFromPulls || !response.body || !isFillable(bytes, size)) return response;
  if (!isStorable(repository, response) || !beginFill(repository, bytes, digest)) return response;
  request.detach();
  const { body, over } = fillStream(response.body, { digest, size, store: bytes.store, left: ctx.signal });
  const end = (outcome: FillOutcome) => {
    // Others that have looked before may still come with what is stored now, or with what is as wrong again.
    endFill(repository, bytes, { digest, outcome, rests: outcome === 'stored' || outcome === 'wrong' });
    if (outcome === 'wrong') ctx.log.warn('the origin sent bytes that do not match their digest', { digest });
  };
  ctx.waitUntil(over.then(end));
  return new Response(body, response);
}

/** Whether a blob of this size is stored. Nothing is gained by storing an empty one. */
export function isFillable({ maxBytes }: BlobBytes, size: number | undefined): size is number {
  return size !== undefined && size > 0 && size <= maxBytes;
}

/** Begins a fill. @returns false if this isolate is filling the same already, or must not now */
export function beginFill({ ctx, upstream }: Repository, { fills }: BlobBytes, digest: Digest): boolean {
  const hasBegun = fills.begin(keyOf(upstream, digest), ctx.now());
  if (hasBegun) ctx.emit({ kind: 'fill', outcome: 'begun' });
  return hasBegun;
}

/** Returns the key of a fill of this upstream. */
export function keyOf({ alias }: Upstream, digest: Digest): string {
  return `${alias} ${digest}`;
}

interface EndedFill {
  readonly digest: Digest;
  readonly outcome: FillOutcome;
  /** Whether the same blob is not to be tried again for a while. */
  readonly rests: boolean;
}

export function endFill(
  { ctx, upstream }: Repository,
  { fills }: BlobBytes,
  { digest, outcome, rests }: EndedFill,
): void {
  fills.end(keyOf(upstream, digest), ctx.now(), rests);
  ctx.emit({ kind: 'fill', outcome });
}
