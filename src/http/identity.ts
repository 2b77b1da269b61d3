/**
 * As whom the origin is asked. `caller`: with the caller's own credential, so the origin judges the caller. `nobody`:
 * without any credential of a caller, so its answer, and its refusal too, holds for everybody. An edge with an account
 * of its own that it lends to everybody asks as `nobody`, too: which caller asks is nobody's business.
 */
export type AskedAs = 'caller' | 'nobody';

/**
 * Headers that say nothing about who calls: those that registry clients send, those that tracing adds, and hop-by-hop
 * ones. Each is listed by its full name, because a pattern would leave room for a credential (`x-meta-token`). Any
 * other header may distinguish callers (a cookie, the token of a proxy, a user's name), at the origin or in front of
 * the edge.
 */
const ANONYMOUS_HEADERS = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'authorization',
  'b3',
  'baggage',
  'cache-control',
  'cdn-loop',
  'connection',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'docker-content-digest',
  'docker-distribution-api-version',
  'docker-upload-uuid',
  'early-data',
  'elastic-apm-traceparent',
  'expect',
  'host',
  'http2-settings',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'max-forwards',
  'oci-chunk-min-length',
  'oci-subject',
  'oci-tag',
  'origin',
  'pragma',
  'priority',
  'proxy-connection',
  'range',
  'referer',
  'request-id',
  'sec-ch-ua',
  'sec-ch-ua-mobile',
  'sec-ch-ua-platform',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-fetch-user',
  'sec-gpc',
  'sec-purpose',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'uber-trace-id',
  'upgrade',
  'upgrade-insecure-requests',
  'user-agent',
  'via',
  'x-amzn-trace-id',
  'x-b3-flags',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-bluecoat-via',
  'x-cloud-trace-context',
  'x-correlation-id',
  'x-datadog-origin',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'x-datadog-tags',
  'x-datadog-trace-id',
  'x-meta-source-client',
  'x-request-id',
]);

/**
 * Headers in which proxies on the way say from where and how a request came to them. They stay at the edge, so that no
 * origin judges by them: an origin's rules on client addresses do not work behind the edge. Cloudflare's `cf-access-*`
 * and `cf-cert-*` are not among them, since they say who calls.
 */
const PROXY_HEADERS =
  /^(?:forwarded|x-forwarded-.+|x-original-forwarded-.+|x-envoy-.+|x-real-ip|true-client-ip|x-client-ip|x-cluster-client-ip|fastly-client-ip|x-azure-(?:client|socket)ip|cf-(?!access-|cert-).+)$/;

/** Whether a header (its name in lower case) comes from a proxy on the request's way, and stays at the edge. */
export function isProxyHeader(name: string): boolean {
  return PROXY_HEADERS.test(name);
}

/** Whether a header (its name in lower case) other than `Authorization` may say who calls. */
export function mayIdentifyCaller(name: string): boolean {
  return !ANONYMOUS_HEADERS.has(name) && !isProxyHeader(name);
}

/** The parameters of a list, and those of a token that name no user (`account`, `client_id`, `refresh_token` do). */
const ANONYMOUS_PARAMETERS = ['last', 'n', 'ns', 'scope', 'service'];

/** Returns a query without what may name a user; one that names nobody stays as it is. @param search with its `?` */
export function withoutIdentity(search: string): string {
  const query = new URLSearchParams(search);
  const others = [...query.keys()].filter((name) => !ANONYMOUS_PARAMETERS.includes(name));
  if (others.length === 0) return search;
  for (const name of others) query.delete(name);
  return query.size > 0 ? `?${query}` : '';
}
