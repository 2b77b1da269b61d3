import { rewriteLocation } from '../http/location.ts';
import type { Digest } from '../oci/digest.ts';
import { type BlobBytes, findBytes } from './blobBytes.ts';
import type { Repository } from './repository.ts';

export interface Upload {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Ends the upload. */
  readonly signal: AbortSignal;
}

/** Of the client's request, these alone are the upload's, too. */
const CREDENTIAL = ['authorization'];

/**
 * Uploads a blob whose bytes the edge has to the origin, as the caller (distribution-spec, "POST then PUT"). The origin
 * verifies the digest.
 * @returns whether the origin has accepted it
 * @throws RegistryError ORIGIN_UNREACHABLE, REQUEST_INVALID
 */
export async function uploadBytes(
  { ctx, upstream, name }: Repository,
  bytes: BlobBytes,
  { digest, size, signal }: Upload,
): Promise<boolean> {
  const look = await findBytes(ctx, bytes, { digest, asked: { kind: 'whole' } });
  const found = look.outcome === 'hit' ? look.found : undefined;
  if (found?.size !== size || !found.body) {
    await found?.body?.cancel();
    return false;
  }
  const stored = found.body;
  try {
    const path = `/v2/${name}/blobs/uploads/`;
    const opened = await upstream.origin.send(ctx, path, { method: 'POST', onlyHeaders: CREDENTIAL, signal });
    await opened.response.body?.cancel();
    const { location } = rewriteLocation({ path, search: '' }, upstream.origin.url, opened.response);
    // An upload service outside of the registry would get bytes without anybody's credential.
    if (opened.response.status !== 202 || !location?.startsWith('/v2/')) return false;
    const { readable, writable } = new FixedLengthStream(size);
    const broken = new AbortController();
    stored.pipeTo(writable).catch(() => broken.abort());
    const put = await upstream.origin.send(ctx, `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`, {
      ...{ method: 'PUT', onlyHeaders: CREDENTIAL, contentType: 'application/octet-stream', signal },
      sent: { body: readable, brokenOff: broken.signal },
    });
    await put.response.body?.cancel();
    return put.response.status === 201;
  } finally {
    if (!stored.locked) await stored.cancel();
  }
}
