import type { RequestContext } from '../../context.ts';
import { endIfStalled } from '../../http/body/endIfStalled.ts';
import { responseHeaders } from '../../http/headers.ts';
import { isSchemeRedirect, rewriteLocation } from '../../http/location.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import { quoted, RegistryError } from '../../oci/errors.ts';
import { decisionHeaders } from '../../telemetry/headers.ts';
import type { Upstream } from '../../upstream/upstream.ts';

/**
 * Relays a response of the origin to the client: status, body and headers are the origin's, plus the headers that say
 * what the edge decided.
 * @param overrides headers that replace the origin's
 * @throws RegistryError ORIGIN_UNREACHABLE: it answers a HEAD with a Content-Length that is not a number
 */
export function relay(ctx: RequestContext, response: Response, overrides: Record<string, string> = {}): Response {
  const { status } = response;
  const headers = responseHeaders(response.headers);
  for (const [name, value] of Object.entries(overrides)) headers.set(name, value);
  headers.append('Cache-Control', 'no-transform');
  for (const [name, value] of Object.entries(decisionHeaders(ctx.events, status))) headers.append(name, value);
  if (ctx.method === 'HEAD') checkLength(ctx, status, headers);
  if (ctx.method === 'HEAD' || isBodiless(status)) return new Response(null, { status, headers });
  if (status !== 416 || ctx.method !== 'GET') return new Response(response.body, { status, headers });
  // docker-registry 2.8.2 announces 2048 bytes and sends 14: the client would wait forever for the rest.
  ctx.waitUntil(response.body?.cancel() ?? Promise.resolve());
  headers.delete('content-length');
  headers.set('content-type', 'application/json');
  return new Response(new RegistryError('RANGE_INVALID').toBody(), { status, headers });
}

/**
 * Checks the Content-Length of a HEAD, which the runtime relays unchecked: clients fail on one that is not a number
 * (RFC 9110 §8.6). A 2xx is refused, since the size is half of its answer; any other response is relayed without it.
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
function checkLength(ctx: RequestContext, status: number, headers: Headers): void {
  const length = headers.get('content-length');
  if (length === null || parseWholeNumber(length) !== undefined) return;
  headers.delete('content-length');
  if (status >= 300) return;
  const message = `the origin's Content-Length is not a number of bytes: ${quoted(length)}`;
  ctx.log.warn(message);
  throw new RegistryError('ORIGIN_UNREACHABLE', { message });
}

/** Relays a response of the origin, with the addresses in it rewritten so that the client stays on the edge. */
export function relayRewritten(
  ctx: RequestContext,
  { origin }: Upstream,
  response: Response,
  overrides: Record<string, string> = {},
): Response {
  if (isSchemeRedirect(ctx.target, origin.url, response))
    ctx.log.warn('the origin redirects from http to https or back: set ORIGIN_URL to the scheme that it redirects to');
  return relay(ctx, response, { ...rewriteLocation(ctx.target, origin.url, response), ...overrides });
}

/** Relays as `relayRewritten` does, and ends a body that stalls for `ORIGIN_TIMEOUT`; blobs may take longer. */
export function relayUnlessStalled(ctx: RequestContext, upstream: Upstream, response: Response): Response {
  return relayRewritten(ctx, upstream, endIfStalled(response, upstream.origin.timeoutMs));
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
