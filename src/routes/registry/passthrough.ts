import type { RequestContext } from '../../context.ts';
import { forwardBody } from '../../http/body/forwardBody.ts';
import { withoutIdentity } from '../../http/identity.ts';
import { isReadMethod, isSafeMethod } from '../../http/methods.ts';
import type { Route } from '../../oci/route.ts';
import { sendWrite } from '../../upstream/sendWrite.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { PREFLIGHT_HEADERS } from './cors.ts';
import { relayRewritten, relayUnlessStalled } from './relay.ts';

/**
 * Forwards a request that the edge does not answer itself, and relays the answer, both as a stream. The cache learns
 * nothing from the answer: a list proves nothing but itself, anybody may send a preflight, and a query may ask for
 * something else (`ns` names another registry).
 */
export async function passThrough(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  const isContent = route.kind === 'blob' || route.kind === 'manifest';
  const isForeign = isContent && isReadMethod(ctx.method) && upstream.foreignHosts.isNamedIn(ctx, route.search);
  ctx.emit({ kind: 'forward', reason: 'bypass', ...(isForeign && { detail: 'ns' }) });
  const { response } = await (isSafeMethod(ctx.method) ? ask(ctx, upstream, route) : sendWrite(ctx, upstream, route));
  if (route.kind === 'manifest' && ctx.method === 'GET') upstream.pulls?.observe(ctx, response, 1);
  // No timeout ends the body of a blob.
  const isBlob = route.kind === 'blob' || route.kind === 'upload';
  return (isBlob ? relayRewritten : relayUnlessStalled)(ctx, upstream, response);
}

function ask(ctx: RequestContext, { origin, followsRedirects, askedAs }: Upstream, route: Route) {
  const { method, signal } = ctx;
  const isToldNobody = askedAs === 'nobody' && route.kind === 'other';
  const target = route.path + (isToldNobody ? withoutIdentity(route.search) : route.search);
  if (route.kind === 'blob' && method === 'GET' && followsRedirects) {
    return origin.getBlob(ctx, target, { omitHeaders: [], follows: true, signal });
  }
  // `fetch` accepts no body with a GET or HEAD, and no registry reads one.
  const sent = isReadMethod(method) ? undefined : forwardBody(ctx.request);
  // An open mirror asks on behalf of everybody, so it forwards nothing that identifies one caller.
  const onlyHeaders = askedAs === 'nobody' && method === 'OPTIONS' ? PREFLIGHT_HEADERS : undefined;
  return origin.send(ctx, target, { method, sent, onlyHeaders, signal });
}
