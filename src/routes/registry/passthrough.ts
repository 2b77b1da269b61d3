import type { RequestContext } from '../../context.ts';
import { forwardBody } from '../../http/body/forwardBody.ts';
import { isRead, isSafe } from '../../http/methods.ts';
import type { Route } from '../../oci/route.ts';
import { sendWrite } from '../../upstream/sendWrite.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relayRewritten, relayUnlessStalled } from './answer.ts';
import { PREFLIGHT_HEADERS } from './cors.ts';

/**
 * Every request that the edge does not answer itself: handed to the origin and back, in both directions as a stream.
 * The answer teaches nothing: a list proves nothing but itself, a preflight is answered to everybody, and with a query
 * (`ns` names another registry) it may be about something else.
 */
export async function passThrough(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const answered = isSafe(ctx.method) ? ask(ctx, upstream, route) : sendWrite(ctx, upstream, route);
  // A blob takes as long as it takes.
  const isContent = route.kind === 'blob' || route.kind === 'upload';
  return (isContent ? relayRewritten : relayUnlessStalled)(ctx, upstream, (await answered).response);
}

function ask(ctx: RequestContext, { origin, followsRedirects, readOnly }: Upstream, route: Route) {
  const { method, signal } = ctx;
  const target = route.path + route.search;
  if (route.kind === 'blob' && method === 'GET' && followsRedirects) {
    return origin.getBlob(ctx, target, { without: [], follows: true, signal });
  }
  // `fetch` takes no body with a GET or HEAD, and no registry looks at one.
  const sent = isRead(method) ? undefined : forwardBody(ctx.request);
  // An open mirror's questions are everybody's.
  const only = readOnly && method === 'OPTIONS' ? PREFLIGHT_HEADERS : undefined;
  return origin.send(ctx, target, { method, sent, only, signal });
}
