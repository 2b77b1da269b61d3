import { isFresh } from '../cache/freshness.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Target } from '../oci/route.ts';
import { type BlobBytes, type BytesLook, type FoundBytes, findBytes, type KnownRange } from './blobBytes.ts';
import type { CallerHeaders } from './callerHeaders.ts';
import { BLOB_EXISTENCE } from './existence.ts';
import type { ContentKind } from './question.ts';
import { readContent } from './read.ts';
import type { Repository } from './repository.ts';

/** A blob that a caller asks for, or a part of it. */
export interface WantedBytes {
  readonly target: Target;
  readonly digest: Digest;
  readonly asked: KnownRange;
  /** What the cache holds of the blob, fresh or not. */
  readonly known: Entry | undefined;
}

/** Bytes to answer with; otherwise the origin has to answer, after this look at the byte store. */
export type ReadBytes =
  | {
      readonly kind: 'found';
      readonly entry: Entry;
      readonly found: FoundBytes;
      readonly callerHeaders?: CallerHeaders;
    }
  | { readonly kind: 'origin'; readonly look: BytesLook['outcome'] };

/**
 * Reads a blob from the byte store, for a caller with a grant for GETs of blobs. The descriptor cache decides whether
 * the repository has the blob, since the bytes are those of all repositories: within its window its entry is enough;
 * past it, or without an entry, the origin is asked by a HEAD, and only if there are bytes. While the origin fails,
 * callers that only pull get what was confirmed before, for `STALE_IF_ERROR`.
 */
export async function readBytes(
  repository: Repository,
  bytes: BlobBytes,
  { target, digest, asked, known }: WantedBytes,
): Promise<ReadBytes> {
  const { ctx, windowMs } = repository;
  const look = await findBytes(ctx, bytes, { digest, asked, knownSize: known?.descriptor.size });
  if (look.outcome !== 'hit') return { kind: 'origin', look: look.outcome };
  const { found } = look;
  if (known && isFresh(known, ctx.now(), windowMs) && found.size === known.descriptor.size) {
    ctx.emit({ kind: 'hit' });
    return { kind: 'found', entry: known, found };
  }
  const confirmed = await confirm(repository, target, digest).catch(async (error) => {
    await found.body?.cancel();
    throw error;
  });
  // Bytes that match their digest have the right size, so that a descriptor with another one is wrong.
  if (confirmed?.entry.descriptor.size === found.size) return { kind: 'found', found, ...confirmed };
  await found.body?.cancel();
  return { kind: 'origin', look: 'hit' };
}

/** Existence, for a caller whom it gives the bytes: a HEAD is enough, because this caller has a grant for GETs. */
const BYTES_EXISTENCE: ContentKind<Entry> = { ...BLOB_EXISTENCE, answers: 'GET blobs', answersWhileFailing: true };

/** Asks the origin, as the caller, whether the repository has the blob. */
async function confirm(repository: Repository, target: Target, digest: Digest) {
  const reference = { kind: 'digest', text: digest } as const;
  const outcome = await readContent(repository, { kind: BYTES_EXISTENCE, target, reference });
  if (outcome.kind === 'relay') await outcome.response.body?.cancel();
  // The grant may have ended meanwhile: then a HEAD proves nothing about a GET.
  if (outcome.kind === 'relay' || !repository.isGranted) return undefined;
  const { entry, callerHeaders } = outcome;
  return { entry, ...(callerHeaders && { callerHeaders }) };
}
