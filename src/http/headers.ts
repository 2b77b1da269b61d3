import { variantOf } from '../oci/mediaTypes.ts';
import { isOfProxies } from './identity.ts';

/** RFC 9110 §7.6.1: between two neighbours only. `proxy-authorization` is for the edge, and it asks for none. */
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

/** Not for the origin: the edge's own host, and an expectation that this connection has met. */
const OF_THE_EDGE = new Set(['host', 'expect']);

/** Conditions, ranges and bodies belong to the client's question; the edge asks its own and applies them itself. */
const OF_THE_QUESTION = /^(?:if-.*|range|content-.*)$/;

/**
 * What an open mirror hands on: it asks in everybody's name, so nothing of one caller's may decide the answer but what the
 * cache tells questions apart by, and what of which nothing is learnt: a range, and the site that a browser asks for, whose
 * requests the origin answers alone.
 */
const OF_EVERYBODY = new Set(['accept', 'range', 'origin']);
/** How an open mirror calls itself at the origin, whose firewall may refuse one caller's software. */
const OWN_USER_AGENT = 'registry-edge';

export interface ForwardOptions {
  /** Whether the origin learns who calls: not from an open mirror, whose answers are for everybody. */
  readonly identity: boolean;
  /** `question`: leave out what makes the answer other than the plain 200. */
  readonly for: 'relay' | 'question';
}

/** The client's headers as the origin gets them. Content is asked for as it is: a coding would hide its size. */
export function requestHeaders(client: Headers, options: ForwardOptions): Headers {
  const named = connectionOptions(client);
  const headers = new Headers();
  for (const [name, value] of client) {
    if (HOP_BY_HOP.has(name) || named.has(name) || OF_THE_EDGE.has(name) || isOfProxies(name)) continue;
    if (options.for === 'question' && OF_THE_QUESTION.test(name)) continue;
    if (!options.identity && !OF_EVERYBODY.has(name)) continue;
    headers.set(name, value);
  }
  headers.set('accept-encoding', 'identity');
  if (options.identity) return headers;
  headers.set('user-agent', OWN_USER_AGENT);
  const accept = headers.get('accept');
  // In the form by which the cache tells questions apart: neither the order nor the length is one caller's.
  if (accept !== null) headers.set('accept', variantOf(accept));
  return headers;
}

/** Those of the client's headers as they are, in the edge's own name. */
export function pickHeaders(client: Headers, names: readonly string[]): Headers {
  const headers = new Headers({ 'user-agent': OWN_USER_AGENT });
  for (const name of names) {
    const value = client.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/** The origin's headers as the client gets them. */
export function responseHeaders(origin: Headers): Headers {
  const headers = new Headers(origin);
  for (const name of [...HOP_BY_HOP, ...connectionOptions(origin)]) headers.delete(name);
  return headers;
}

/**
 * About the content, or about a cache on the way, or for the next proxy: the edge states what of that is true of its own
 * answer. A cookie belongs to a session with the origin: who brought it along would be another caller, whom nothing is
 * answered from the cache.
 */
const NOT_TO_THE_CALLER = new Set([
  ...['accept-ranges', 'age', 'alt-svc', 'cache-control', 'cache-status', 'cdn-cache-control', 'cf-cache-status'],
  ...['cloudflare-cdn-cache-control', 'content-digest', 'content-disposition', 'content-encoding', 'content-language'],
  ...['content-length', 'content-location', 'content-md5', 'content-range', 'content-type', 'date', 'digest'],
  ...['docker-content-digest', 'docker-distribution-api-version', 'etag', 'expires', 'last-modified', 'location'],
  ...['pragma', 'repr-digest', 'server', 'server-timing', 'set-cookie', 'surrogate-control', 'surrogate-key', 'vary'],
  ...['x-accel-buffering', 'x-accel-charset', 'x-accel-expires', 'x-accel-limit-rate', 'x-accel-redirect'],
  'x-content-type-options',
]);

/**
 * What the origin says to this very caller, besides what it says of the content: how much it may still ask
 * (`RateLimit-*`, `Retry-After`), what to be warned of, how the request is called in the origin's log. For an answer that
 * the edge writes anew from the origin's own to this caller; for no other caller, and never to be kept.
 */
export function callerHeaders(origin: Headers): Record<string, string> {
  const said: Record<string, string> = {};
  for (const [name, value] of responseHeaders(origin)) {
    if (!NOT_TO_THE_CALLER.has(name)) said[name] = value;
  }
  return said;
}

/** What the cache tells questions apart by: the origin has to see what the edge sees. */
const END_TO_END = new Set(['authorization', 'accept']);

/** Further headers that `Connection` names as hop-by-hop. */
function connectionOptions(headers: Headers): Set<string> {
  const names = (headers.get('connection') ?? '').split(',').map((option) => option.trim().toLowerCase());
  return new Set(names.filter((name) => !END_TO_END.has(name)));
}
