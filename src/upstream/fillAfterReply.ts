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

/** After the reply, the platform gives a request 30 s. */
const MAX_AFTER_REPLY_MS = 25_000;
/** What passes in that time even if it is slow. Larger blobs are stored when somebody gets the whole. */
const MAX_AFTER_REPLY_BYTES = 256 * 1024 * 1024;
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
  const isPart = response.status === 206 && isBounded(bytes, sizeOf(response));
  if (!(isPart || isRedirect(response)) || !beginFill(repository, bytes, blob.digest)) return;
  const { digest } = blob;
  const filling = fetchInto(repository, bytes, blob).catch((error): FillOutcome => {
    ctx.log.info('a blob was not stored after the reply', { digest, error: errorName(error) });
    return error instanceof WrongBytes ? 'wrong' : 'failed';
  });
  // It rests in any case: each try costs the origin a whole blob that nobody has asked for.
  ctx.waitUntil(filling.then((outcome) => endFill(repository, bytes, { digest, outcome, rests: true })));
}

function isBounded(bytes: BlobBytes, size: number | undefined): size is number {
  return isFillable(bytes, size) && size <= MAX_AFTER_REPLY_BYTES;
}

/** @throws RegistryError ORIGIN_UNREACHABLE; WrongBytes; Error the store failed, or it took too long */
async function fetchInto(
  { ctx, upstream }: Repository,
  bytes: BlobBytes,
  { target: { path, search }, digest }: AbsentBytes,
): Promise<FillOutcome> {
  const signal = AbortSignal.timeout(MAX_AFTER_REPLY_MS);
  const { response } = await upstream.origin.getBlob(ctx, path + search, {
    ...{ digest, omitHeaders: OMITTED, follows: true, signal },
  });
  const size = response.status === 200 ? sizeOf(response) : undefined;
  if (!response.body || !isBounded(bytes, size)) {
    await response.body?.cancel();
    return 'failed';
  }
  // The runtime pumps it, at the pace of the store.
  await bytes.store.put({ digest, size, body: response.body });
  return 'stored';
}
