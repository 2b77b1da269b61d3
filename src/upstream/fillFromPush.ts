import { HeldFill } from '../bytes/heldFill.ts';
import { parseWholeNumber } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { endFill, isFillable, keyOf } from './fillBytes.ts';
import type { Repository } from './repository.ts';

/** A fill of the byte store by the body of an upload. */
export interface PushFill {
  readonly digest: Digest;
  readonly held: HeldFill;
}

/**
 * Prepares to store the blob that a request uploads, if the request brings all of it with its digest and its length.
 * @returns `undefined` where pushes do not fill the byte store (`BLOB_FILL`), or this one cannot
 */
export function prepareFill({ ctx, upstream }: Repository, digest: Digest): PushFill | undefined {
  const { bytes } = upstream;
  const size = parseWholeNumber(ctx.request.headers.get('content-length'));
  if (!bytes?.fillsFromPushes || !isFillable(bytes, size) || !bytes.fills.begin(keyOf(upstream, digest), ctx.now()))
    return undefined;
  return { digest, held: new HeldFill(bytes.store, { digest, size }) };
}

/**
 * Ends a fill after the reply. Where an upload had earlier pieces, the body of its last request does not match the
 * digest, and nothing is stored.
 * @param isCreated whether the origin has accepted the blob
 */
export function endPushFill(repository: Repository, { digest, held }: PushFill, isCreated: boolean): void {
  const { ctx, upstream } = repository;
  const { bytes } = upstream;
  if (!bytes) return;
  if (!isCreated) {
    held.giveUp();
    bytes.fills.end(keyOf(upstream, digest), ctx.now(), false);
    return;
  }
  ctx.emit({ kind: 'fill', outcome: 'begun' });
  ctx.waitUntil(
    held.finish().then((outcome) => endFill(repository, bytes, { digest, outcome, rests: outcome === 'stored' })),
  );
}
