/**
 * Headers that tell nothing of who calls: those that registry clients send, those that tracing and the platform add, and
 * those between two neighbours. Whatever is not here may tell a caller from another (a cookie, a token of some proxy, a
 * user's name), at the origin or before the edge.
 */
const TELLS_NOBODY =
  /^(?:accept|accept-(?:charset|encoding|language)|authorization|baggage|cache-control|cdn-loop|cf-(?!access-).*|connection|content-.*|date|dnt|docker-.*|expect|forwarded|host|if-.*|keep-alive|max-forwards|oci-.*|origin|pragma|priority|proxy-connection|range|referer|sec-.*|te|traceparent|tracestate|trailer|transfer-encoding|true-client-ip|upgrade|upgrade-insecure-requests|user-agent|via|x-amzn-trace-id|x-b3-.*|x-cloud-trace-context|x-correlation-id|x-datadog-.*|x-docker-.*|x-forwarded-.*|x-meta-.*|x-real-ip|x-request-id)$/;

/** Whether a header (its name in lower case) may tell who calls, `Authorization` apart. */
export function isOtherIdentity(name: string): boolean {
  return !TELLS_NOBODY.test(name);
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
