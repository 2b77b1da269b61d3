import { variantOf } from '../oci/mediaTypes.ts';
import type { Trace } from '../telemetry/trace.ts';
import { USER_AGENT } from '../version.ts';
import { type AskedAs, isProxyHeader } from './identity.ts';

/** RFC 9110 §7.6.1: they concern one connection only. `proxy-authorization` is one, since the edge asks for none. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The origin never gets these: the edge's own host, and an expectation that the edge has already met. */
const EDGE_ONLY = new Set(['host', 'expect']);

/**
 * Conditions, ranges and bodies belong to the client's request; the edge asks for the whole and applies them itself.
 */
const CLIENT_REQUEST_ONLY = /^(?:if-.*|range|content-.*)$/;

/**
 * The client headers that an open mirror forwards. It asks on behalf of all callers, so nothing of one caller may
 * decide the answer. `accept` is safe because the cache key contains it; `range` and a browser's `origin` are safe
 * because nothing is learnt from those answers.
 */
const OPEN_MIRROR_HEADERS = new Set(['accept', 'range', 'origin']);

export interface ForwardOptions {
  /** As whom the origin is asked: an open mirror does not tell it who calls, since its answers are for all. */
  readonly askedAs: AskedAs;
  /** `question`: leaves out what makes the answer other than the plain 200. `write`: what is sent has to be described. */
  readonly for: 'relay' | 'question' | 'write';
}

/** Returns the client's headers as the origin gets them. They refuse content codings, which would hide the size. */
export function requestHeaders(client: Headers, options: ForwardOptions): Headers {
  const connection = connectionOptions(client);
  const headers = new Headers();
  for (const [name, value] of client) {
    if (HOP_BY_HOP.has(name) || connection.has(name) || EDGE_ONLY.has(name) || isProxyHeader(name)) continue;
    if (options.for === 'question' && CLIENT_REQUEST_ONLY.test(name)) continue;
    if (options.askedAs === 'nobody' && !isForEverybody(name, options)) continue;
    headers.set(name, value);
  }
  headers.set('accept-encoding', 'identity');
  if (options.askedAs === 'caller') return headers;
  // The firewall of an origin may refuse the software of one caller.
  headers.set('user-agent', USER_AGENT);
  const accept = headers.get('accept');
  // The form that the cache key uses: neither the order nor the length of the header is one caller's own.
  if (accept !== null) headers.set('accept', variantOf(accept));
  return headers;
}

function isForEverybody(name: string, options: ForwardOptions): boolean {
  return OPEN_MIRROR_HEADERS.has(name) || (options.for === 'write' && name.startsWith('content-'));
}

/** Returns these of the client's headers, unchanged, with the edge's own User-Agent. */
export function pickHeaders(client: Headers, names: readonly string[]): Headers {
  const headers = new Headers({ 'user-agent': USER_AGENT });
  for (const name of names) {
    const value = client.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/**
 * Replaces what the client says of its trace by what the edge does: a malformed trace is not handed on. An open mirror
 * hands on the ids alone: `tracestate` is free text of one caller.
 */
export function withTrace(headers: Headers, trace: Trace | undefined, askedAs: AskedAs): Headers {
  headers.delete('traceparent');
  headers.delete('tracestate');
  if (!trace) return headers;
  headers.set('traceparent', trace.parent);
  if (askedAs === 'caller' && trace.state !== undefined) headers.set('tracestate', trace.state);
  return headers;
}

/** Returns the origin's headers as the client gets them: without the hop-by-hop ones. */
export function responseHeaders(origin: Headers): Headers {
  const headers = new Headers(origin);
  for (const name of [...HOP_BY_HOP, ...connectionOptions(origin)]) headers.delete(name);
  return headers;
}

/**
 * Headers about the content, about a cache on the way, or for the next proxy: the edge states its own where they are
 * true of its answer. A cookie would bind the caller to a session with the origin, and a caller that sends one gets no
 * answer from the cache.
 */
const NOT_ABOUT_THE_CALLER = new Set([
  ...['accept-ranges', 'age', 'alt-svc', 'cache-control', 'cache-status', 'cdn-cache-control', 'cf-cache-status'],
  ...['cloudflare-cdn-cache-control', 'content-digest', 'content-disposition', 'content-encoding', 'content-language'],
  ...['content-length', 'content-location', 'content-md5', 'content-range', 'content-type', 'date', 'digest'],
  ...['docker-content-digest', 'docker-distribution-api-version', 'etag', 'expires', 'last-modified', 'location'],
  ...['pragma', 'repr-digest', 'server', 'server-timing', 'set-cookie', 'surrogate-control', 'surrogate-key', 'vary'],
  ...['x-accel-buffering', 'x-accel-charset', 'x-accel-expires', 'x-accel-limit-rate', 'x-accel-redirect'],
  'x-content-type-options',
]);

/**
 * Returns what the origin says to this caller besides what it says about the content: the caller's remaining quota
 * (`RateLimit-*`, `Retry-After`), warnings, the request's id in the origin's log. They belong in an answer that the
 * edge makes from the origin's own answer to this caller; they are never sent to another caller and never stored.
 */
export function callerHeaders(origin: Headers): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of responseHeaders(origin)) {
    if (!NOT_ABOUT_THE_CALLER.has(name)) headers[name] = value;
  }
  return headers;
}

/** `Connection` cannot remove these: they are in the cache key, so the origin has to see what the edge sees. */
const END_TO_END = new Set(['authorization', 'accept']);

/** Returns the further headers that `Connection` declares hop-by-hop. */
function connectionOptions(headers: Headers): Set<string> {
  const names = (headers.get('connection') ?? '').split(',').map((option) => option.trim().toLowerCase());
  return new Set(names.filter((name) => name !== '' && !END_TO_END.has(name)));
}
