import type { RequestContext } from '../../context.ts';
import { trackedBody } from '../../http/body/trackedBody.ts';
import { namesDigest } from '../../http/conditions.ts';
import type { Descriptor, Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { decisionHeaders } from '../../telemetry/headers.ts';
import type { CallerHeaders } from '../../upstream/callerHeaders.ts';
import type { Outcome } from '../../upstream/read.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relayUnlessStalled } from './relay.ts';

/** Distribution-spec, "Legacy Docker support HTTP headers". */
export const API_VERSION = { 'Docker-Distribution-Api-Version': 'registry/2.0' } as const;

interface AnswerParts {
  /** The bytes, which a GET needs. */
  readonly content?: Uint8Array | undefined;
  /** Present on a cold answer only: nothing else distinguishes it from a warm one. */
  readonly callerHeaders?: CallerHeaders | undefined;
}

/**
 * Answers a HEAD or GET of existing content, cold or warm: there is no other answer about it. Size, media type and
 * digest are the origin's; the other headers follow from content addressing. No cache on the way may remember that the
 * content exists, so there is no `max-age`; `no-transform` preserves the Content-Length on HTTP/3 (workerd #6830).
 * @param hasRanges whether the origin is known to serve ranges of such content
 */
export function contentAnswer(
  ctx: RequestContext,
  descriptor: Descriptor,
  hasRanges: boolean,
  { content, callerHeaders }: AnswerParts,
): Response {
  const { digest, size, mediaType } = descriptor;
  if (namesDigest(ctx.request.headers.get('if-none-match'), digest)) {
    return notModified(ctx, digest, hasRanges, callerHeaders);
  }
  const headers = { ...callerHeaders, ...commonHeaders(ctx, digest, hasRanges), 'Content-Type': mediaType };
  const sent = ctx.method === 'GET' ? content : undefined;
  const length = String(sent ? sent.length : size);
  return new Response(sent ? trackedBody(ctx, sent) : null, { headers: { ...headers, 'Content-Length': length } });
}

/** Answers a caller that already has the content. */
export function notModified(
  ctx: RequestContext,
  digest: Digest,
  hasRanges: boolean,
  callerHeaders?: CallerHeaders,
): Response {
  return new Response(null, { status: 304, headers: { ...callerHeaders, ...commonHeaders(ctx, digest, hasRanges) } });
}

/** Returns a plain object, since the response would copy a `Headers`. */
export function commonHeaders(ctx: RequestContext, digest: Digest, hasRanges: boolean) {
  return {
    ...validators(digest, hasRanges),
    'Cache-Control': 'no-cache, no-transform',
    ...decisionHeaders(ctx.events, 200),
  };
}

/**
 * Returns the headers that follow from content addressing, in the one form that the edge uses.
 * @param hasRanges whether the origin is known to serve ranges of such content
 */
export function validators(digest: Digest, hasRanges: boolean) {
  return {
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    ...(hasRanges && { 'Accept-Ranges': 'bytes' }),
    ...API_VERSION,
  };
}

type FoundAnswer<E extends Entry> = (entry: E, callerHeaders?: CallerHeaders) => Response;

/**
 * Returns the response to a read's outcome.
 * @param answerFound writes the response where content was found
 */
export function outcomeAnswer<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  outcome: Outcome<E> | Promise<Outcome<E>>,
  answerFound: FoundAnswer<E>,
): Response | Promise<Response> {
  if (outcome instanceof Promise) return outcome.then((settled) => settledAnswer(ctx, upstream, settled, answerFound));
  return settledAnswer(ctx, upstream, outcome, answerFound);
}

function settledAnswer<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  outcome: Outcome<E>,
  answerFound: FoundAnswer<E>,
): Response {
  if (outcome.kind === 'found') return answerFound(outcome.entry, outcome.callerHeaders);
  return relayUnlessStalled(ctx, upstream, outcome.response);
}
