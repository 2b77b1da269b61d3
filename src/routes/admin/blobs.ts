import type { RequestContext } from '../../context.ts';
import { parseDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { withTimeout } from '../../stores/timeout.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { guard, jsonAnswer, orUnavailable } from './guard.ts';

/**
 * Answers `GET` and `DELETE /_edge/blobs/<digest>`, for operators with the `ADMIN_TOKEN`: shows whether the edge has the
 * bytes of a blob, or removes them, for all repositories of all upstreams. What repositories have is not changed: the
 * next whole GET that the origin answers stores the bytes again.
 * @returns JSON: the size in bytes or null; in answer to a DELETE, what it was before
 * @throws RegistryError as `guard`; DIGEST_INVALID; NAME_UNKNOWN: the edge keeps no bytes; UNAVAILABLE: the byte store
 *   failed
 */
export async function blobsRoute(
  ctx: RequestContext,
  upstreams: Upstreams,
  adminToken: string | undefined,
  digestText: string,
): Promise<Response> {
  await guard(ctx, adminToken, ['GET', 'HEAD', 'DELETE']);
  const digest = parseDigest(digestText);
  // All upstreams share one byte store.
  const [anyAlias = ''] = upstreams.aliases;
  const bytes = upstreams.named(anyAlias)?.bytes;
  if (!bytes) throw new RegistryError('NAME_UNKNOWN', { message: 'the edge keeps no bytes of blobs: set BLOB_STORE' });
  return orUnavailable(async () => {
    const size = (await withTimeout(bytes.store.sizeOf(digest), MAX_WAIT_MS)) ?? null;
    if (ctx.method === 'DELETE') await withTimeout(bytes.store.delete(digest), MAX_WAIT_MS);
    return jsonAnswer(ctx, { digest, size });
  });
}

const MAX_WAIT_MS = 10_000;
