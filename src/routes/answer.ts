import type { RequestContext } from '../context.ts';
import { decisionHeaders } from '../events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { RegistryError } from '../oci/errors.ts';
import { responseHeaders } from '../origin/headers.ts';

/** Distribution-spec, "Legacy Docker support HTTP headers". */
export const API_VERSION = { 'Docker-Distribution-Api-Version': 'registry/2.0' } as const;

/**
 * The one answer to a HEAD of existing content, cold or warm. Size, media type and digest are the origin's; the rest is
 * what content addressing makes certain. That the content exists is for no cache on the way to keep, so it carries no
 * `max-age`; `no-transform` keeps its Content-Length on HTTP/3 (workerd #6830).
 */
export function headAnswer(ctx: RequestContext, descriptor: Descriptor): Response {
  const etag = `"${descriptor.digest}"`;
  // A plain object: of `Headers` the response would make a copy.
  const headers = {
    'Content-Type': descriptor.mediaType,
    'Docker-Content-Digest': descriptor.digest,
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache, no-transform',
    ...API_VERSION,
    ...decisionHeaders(ctx.events, 200),
  };
  const isKnown = namesValidator(ctx.request.headers.get('if-none-match'), etag);
  if (isKnown) return new Response(null, { status: 304, headers });
  return new Response(null, { headers: { ...headers, 'Content-Length': String(descriptor.size) } });
}

/** RFC 9110 §13.1.2; a registry's clients send the digest quoted or bare. */
function namesValidator(condition: string | null, etag: string): boolean {
  if (!condition) return false;
  if (condition.trim() === '*') return true;
  return condition.split(',').some((tag) => {
    const validator = tag.trim().replace(/^W\//, '');
    return validator === etag || `"${validator}"` === etag;
  });
}

/**
 * The origin's answer as the client gets it: status, body and headers are the origin's, what was decided is added.
 * @param overrides headers that differ from the origin's
 */
export function relay(ctx: RequestContext, origin: Response, overrides: Record<string, string> = {}): Response {
  const { status } = origin;
  const headers = responseHeaders(origin.headers);
  for (const [name, value] of Object.entries(overrides)) headers.set(name, value);
  headers.append('Cache-Control', 'no-transform');
  for (const [name, value] of Object.entries(decisionHeaders(ctx.events, status))) headers.append(name, value);
  if (ctx.method === 'HEAD' || isBodiless(status)) return new Response(null, { status, headers });
  if (status !== 416) return new Response(origin.body, { status, headers });
  // docker-registry 2.8.2 announces 2048 bytes and sends 14: the client would wait for the rest forever.
  ctx.waitUntil(origin.body?.cancel() ?? Promise.resolve());
  headers.delete('content-length');
  headers.set('content-type', 'application/json');
  return new Response(new RegistryError('RANGE_INVALID').toBody(), { status, headers });
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
