import type { RequestContext } from '../../context.ts';
import { endIfStalled } from '../../http/body/endIfStalled.ts';
import { trackedBody } from '../../http/body/trackedBody.ts';
import { namesDigest } from '../../http/conditions.ts';
import { responseHeaders } from '../../http/headers.ts';
import { isSchemeRedirect, rewriteLocation } from '../../http/location.ts';
import { type Descriptor, type Entry, parseWholeNumber } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { quoted, RegistryError } from '../../oci/errors.ts';
import { decisionHeaders } from '../../telemetry/headers.ts';
import type { CallerHeaders } from '../../upstream/callerHeaders.ts';
import type { Outcome } from '../../upstream/read.ts';
import type { Upstream } from '../../upstream/upstream.ts';

/** Distribution-spec, "Legacy Docker support HTTP headers". */
export const API_VERSION = { 'Docker-Distribution-Api-Version': 'registry/2.0' } as const;

/** What an answer about content may have beside its descriptor. */
interface AnswerParts {
  /** Where the edge has it; a GET needs it. */
  readonly content?: Uint8Array | undefined;
  /** On a cold answer: the one thing by which a warm one differs. */
  readonly said?: CallerHeaders | undefined;
}

/**
 * The one answer about existing content, cold or warm, to HEAD and to GET. Size, media type and digest are the origin's;
 * the rest is what content addressing makes certain. That the content exists is for no cache on the way to keep, so it
 * carries no `max-age`; `no-transform` keeps its Content-Length on HTTP/3 (workerd #6830).
 * @param hasRanges whether the origin was seen to give parts of such content
 */
export function contentAnswer(
  ctx: RequestContext,
  descriptor: Descriptor,
  hasRanges: boolean,
  { content, said }: AnswerParts,
): Response {
  const { digest, size, mediaType } = descriptor;
  if (namesDigest(ctx.request.headers.get('if-none-match'), digest)) return notModified(ctx, digest, hasRanges, said);
  const headers = { ...said, ...commonHeaders(ctx, digest, hasRanges), 'Content-Type': mediaType };
  if (ctx.method === 'GET' && content) return new Response(trackedBody(ctx, content), { headers });
  return new Response(null, { headers: { ...headers, 'Content-Length': String(size) } });
}

/** To a caller who has the content already. */
export function notModified(ctx: RequestContext, digest: Digest, hasRanges: boolean, said?: CallerHeaders): Response {
  return new Response(null, { status: 304, headers: { ...said, ...commonHeaders(ctx, digest, hasRanges) } });
}

/** A plain object: of `Headers` the response would make a copy. */
function commonHeaders(ctx: RequestContext, digest: Digest, hasRanges: boolean) {
  return {
    ...validators(digest, hasRanges),
    'Cache-Control': 'no-cache, no-transform',
    ...decisionHeaders(ctx.events, 200),
  };
}

/**
 * What content addressing makes certain, in the one form that the edge gives it.
 * @param hasRanges whether the origin was seen to give parts of such content
 */
export function validators(digest: Digest, hasRanges: boolean) {
  return {
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    ...(hasRanges && { 'Accept-Ranges': 'bytes' }),
    ...API_VERSION,
  };
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
  if (ctx.method === 'HEAD') checkLength(ctx, status, headers);
  if (ctx.method === 'HEAD' || isBodiless(status)) return new Response(null, { status, headers });
  if (status !== 416 || ctx.method !== 'GET') return new Response(origin.body, { status, headers });
  // docker-registry 2.8.2 announces 2048 bytes and sends 14: the client would wait for the rest forever.
  ctx.waitUntil(origin.body?.cancel() ?? Promise.resolve());
  headers.delete('content-length');
  headers.set('content-type', 'application/json');
  return new Response(new RegistryError('RANGE_INVALID').toBody(), { status, headers });
}

/**
 * A HEAD's Content-Length is relayed as it is, whatever it says; clients fail on one that is no number (RFC 9110 §8.6). Of
 * what is there it is half of the answer, else it says nothing.
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
function checkLength(ctx: RequestContext, status: number, headers: Headers): void {
  const length = headers.get('content-length');
  if (length === null || parseWholeNumber(length) !== undefined) return;
  headers.delete('content-length');
  if (status >= 300) return;
  const message = `the origin's Content-Length is no number of bytes: ${quoted(length)}`;
  ctx.log.warn(message);
  throw new RegistryError('ORIGIN_UNREACHABLE', { message });
}

/** The origin's answer, with its addresses on the edge. */
export function relayRewritten(
  ctx: RequestContext,
  { origin }: Upstream,
  response: Response,
  overrides: Record<string, string> = {},
): Response {
  if (isSchemeRedirect(ctx.url, origin.url, response))
    ctx.log.warn('the origin redirects to its other scheme: set ORIGIN_URL to it');
  return relay(ctx, response, { ...rewriteLocation(ctx.url, origin.url, response), ...overrides });
}

/** The same for what is no content: a body that stalls for `ORIGIN_TIMEOUT` ends. */
export function relayUnlessStalled(ctx: RequestContext, upstream: Upstream, response: Response): Response {
  return relayRewritten(ctx, upstream, endIfStalled(response, upstream.origin.timeoutMs));
}

/**
 * The response to what a read came to.
 * @param found writes the one about content
 */
export function outcomeAnswer<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  outcome: Outcome<E> | Promise<Outcome<E>>,
  found: (entry: E, callerHeaders?: CallerHeaders) => Response,
): Response | Promise<Response> {
  if (outcome instanceof Promise) return outcome.then((late) => settledAnswer(ctx, upstream, late, found));
  return settledAnswer(ctx, upstream, outcome, found);
}

function settledAnswer<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  outcome: Outcome<E>,
  found: (entry: E, callerHeaders?: CallerHeaders) => Response,
): Response {
  if (outcome.kind === 'found') return found(outcome.entry, outcome.callerHeaders);
  if (outcome.kind === 'refused') return outcome.response;
  return relayUnlessStalled(ctx, upstream, outcome.response);
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
