/**
 * Headers that tell nothing of who calls: those that registry clients send, those that tracing and the platform add, and
 * those between two neighbours. Whatever is not here may tell a caller from another (a cookie, a token of some proxy, a
 * user's name), at the origin or before the edge.
 */
const TELLS_NOBODY = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'authorization',
  'baggage',
  'cache-control',
  'cdn-loop',
  'connection',
  'date',
  'dnt',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'max-forwards',
  'origin',
  'pragma',
  'priority',
  'proxy-connection',
  'range',
  'referer',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'true-client-ip',
  'upgrade',
  'upgrade-insecure-requests',
  'user-agent',
  'via',
  'x-amzn-trace-id',
  'x-cloud-trace-context',
  'x-correlation-id',
  'x-real-ip',
  'x-request-id',
]);
const FAMILY_TELLS_NOBODY =
  /^(?:cf-(?!access-)|content-|docker-|if-|oci-|sec-|x-b3-|x-datadog-|x-docker-|x-forwarded-|x-meta-)/;

/** Whether a header (its name in lower case) may tell who calls, `Authorization` apart. */
export function isOtherIdentity(name: string): boolean {
  return !TELLS_NOBODY.has(name) && !FAMILY_TELLS_NOBODY.test(name);
}

const VISIBLE_ASCII = /^[ -~]*$/;

/**
 * Who calls: the `Authorization` and nothing else, empty for a caller without. `undefined` for a caller who shows, or may
 * show, another identity: what the origin grants to that mixture can be remembered for nobody. An `Authorization` that is
 * not ASCII is none: two of them may read the same.
 */
export function callerOf({ headers }: Request): string | undefined {
  for (const name of headers.keys()) {
    if (isOtherIdentity(name)) return undefined;
  }
  const authorization = headers.get('authorization') ?? '';
  return VISIBLE_ASCII.test(authorization) ? authorization : undefined;
}
