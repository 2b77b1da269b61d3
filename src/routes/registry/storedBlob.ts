import type { RequestContext } from '../../context.ts';
import { lengthOf } from '../../http/ranges.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { FoundBytes } from '../../upstream/blobBytes.ts';
import type { CallerHeaders } from '../../upstream/callerHeaders.ts';
import { commonHeaders } from './answer.ts';

/**
 * Answers a GET of a blob with bytes that the edge has: a 200, or a 206 with the part that is asked for.
 * @param descriptor digest and media type as the origin's answer would have them
 * @param callerHeaders present where the origin was asked for this caller
 * @throws RegistryError RANGE_INVALID
 */
export function storedBlob(
  ctx: RequestContext,
  { digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>,
  { found, callerHeaders }: { readonly found: FoundBytes; readonly callerHeaders?: CallerHeaders | undefined },
): Response {
  const { size, part, body = null } = found;
  if (part === 'unsatisfiable') throw unsatisfiable(digest, `bytes */${size}`, callerHeaders);
  // The edge has the bytes, so there are ranges, whatever the origin does.
  const headers = { ...callerHeaders, ...commonHeaders(ctx, digest, true), 'Content-Type': mediaType };
  const length = part ? lengthOf(part) : size;
  const sent = {
    'Content-Length': String(length),
    ...(part && { 'Content-Range': `bytes ${part.first}-${part.last}/${size}` }),
  };
  return new Response(withLength(body, length), { status: part ? 206 : 200, headers: { ...headers, ...sent } });
}

/** Makes the runtime state the length of the body, and break it off where it has fewer bytes. The runtime pumps it. */
function withLength(body: ReadableStream<Uint8Array> | null, length: number): ReadableStream<Uint8Array> | null {
  if (!body) return null;
  const { readable, writable } = new FixedLengthStream(length);
  // A body that breaks off, or a client that leaves, ends both streams.
  body.pipeTo(writable).catch(() => undefined);
  return readable;
}

/** Returns the error for a range beyond the end. It names the digest, as registries do in a 416. */
export function unsatisfiable(
  digest: Digest,
  contentRange: string | null,
  callerHeaders?: CallerHeaders,
): RegistryError {
  const range = contentRange !== null && { 'Content-Range': contentRange };
  return new RegistryError('RANGE_INVALID', {
    headers: { ...callerHeaders, 'Docker-Content-Digest': digest, ...range },
  });
}
