import type { Descriptor } from '../../oci/descriptor.ts';
import type { Target } from '../../oci/route.ts';
import { findBytes } from '../blobBytes.ts';
import { type FetchLimits, fetchBytes } from '../fillAfterReply.ts';
import { beginFill, isFillable } from '../fillBytes.ts';
import type { Repository } from '../repository.ts';

/** The operator waits. A blob that R2 would take in parts costs more requests than one piece of the work may. */
const LIMITS: FetchLimits = { maxBytes: 4 * 1024 ** 3, maxMs: 100_000 };

/** A blob that the repository has. */
interface KnownBlob {
  readonly target: Target;
  readonly descriptor: Descriptor;
}

/**
 * Stores the bytes of a blob, unless the edge has them (`BLOB_STORE`).
 * @returns whether they were stored now; what fails is told in the log, and the next pull fetches it
 */
export async function warmBytes(repository: Repository, { target, descriptor }: KnownBlob): Promise<boolean> {
  const { ctx, upstream } = repository;
  const { bytes } = upstream;
  const { digest, size } = descriptor;
  if (!bytes || !isFillable(bytes, size) || size > LIMITS.maxBytes) return false;
  // One byte shows whether the rest is there.
  const look = await findBytes(ctx, bytes, { digest, asked: { kind: 'from', first: 0, last: 0 }, knownSize: size });
  if (look.outcome === 'hit') await look.found.body?.cancel();
  if (look.outcome !== 'miss' || !beginFill(repository, bytes, digest)) return false;
  return (await fetchBytes(repository, bytes, { target, digest, limits: LIMITS })) === 'stored';
}
