import { WrongBytes } from '../bytes/byteStore.ts';
import { isRedirect } from '../http/redirects.ts';
import type { Digest } from '../oci/digest.ts';
import type { Target } from '../oci/route.ts';
import { sizeOf } from '../origin/confirmation.ts';
import type { FillOutcome } from '../telemetry/events.ts';
import { errorName } from '../telemetry/log.ts';
import type { BlobBytes } from './blobBytes.ts';
import { beginFill, endFill, isFillable } from './fillBytes.ts';
import type { Repository } from './repository.ts';
import { isStorable } from './storeFromPush.ts';

/** A blob that the byte store does not have. */
export interface AbsentBytes {
  readonly target: Target;
  readonly digest: Digest;
}

/** How much is fetched at most, and for how long. */
export interface FetchLimits {
  readonly maxBytes: number;
  readonly maxMs: number;
}

/** After the reply, the platform gives a request 30 s. Larger blobs are stored when somebody gets the whole. */
const AFTER_REPLY: FetchLimits = { maxBytes: 256 * 1024 * 1024, maxMs: 25_000 };
/** The client's own conditions and range. */
const OMITTED = ['if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'range'];

/**
 * Fills the byte store after the reply, where the origin gave the client a part of the blob, or a redirect to it. The
 * origin is asked once more, as the caller; where it redirects, that is followed without credentials, as far as
 * `REDIRECT_HOSTS` allows.
 * @param response the origin's answer to a caller who has proved access
 */
export function fillAfterReply(repository: Repository, blob: AbsentBytes, response: Response): void {
  const { ctx, upstream } = repository;
  const { bytes } = upstream;
  if (!bytes?.fillsFromPulls || !isStorable(repository, response)) return;
  const isPart = response.status === 206 && isBounded(bytes, sizeOf(response), AFTER_REPLY);
  if (!(isPart || isRedirect(response)) || !beginFill(repository, bytes, blob.digest)) return;
  ctx.waitUntil(fetchBytes(repository, bytes, { ...blob, limits: AFTER_REPLY }));
}

/**
 * Fetches a blob for the byte store alone, as the caller, once the fill has begun. It never rejects.
 * @returns how the fill ended
 */
export async function fetchBytes(
  repository: Repository,
  bytes: BlobBytes,
  blob: AbsentBytes & { readonly limits: FetchLimits },
): Promise<FillOutcome> {
  const { ctx } = repository;
  const { digest } = blob;
  const outcome = await fetchInto(repository, bytes, blob).catch((error): FillOutcome => {
    ctx.log.info('a blob was not stored', { digest, error: errorName(error) });
    return error instanceof WrongBytes ? 'wrong' : 'failed';
  });
  // It rests in any case: each try costs the origin a whole blob that nobody has asked for.
  endFill(repository, bytes, { digest, outcome, rests: true });
  return outcome;
}

function isBounded(bytes: BlobBytes, size: number | undefined, { maxBytes }: FetchLimits): size is number {
  return isFillable(bytes, size) && size <= maxBytes;
}

/** @throws RegistryError ORIGIN_UNREACHABLE; WrongBytes; Error the store failed, or it took too long */
async function fetchInto(
  { ctx, upstream }: Repository,
  bytes: BlobBytes,
  { target: { path, search }, digest, limits }: AbsentBytes & { readonly limits: FetchLimits },
): Promise<FillOutcome> {
  const signal = AbortSignal.timeout(limits.maxMs);
  const { response } = await upstream.origin.getBlob(ctx, path + search, {
    ...{ digest, omitHeaders: OMITTED, follows: true, signal },
  });
  const size = response.status === 200 ? sizeOf(response) : undefined;
  if (!response.body || !isBounded(bytes, size, limits)) {
    await response.body?.cancel();
    return 'failed';
  }
  // The runtime pumps it, at the pace of the store.
  await bytes.store.put({ digest, size, body: response.body });
  return 'stored';
}
