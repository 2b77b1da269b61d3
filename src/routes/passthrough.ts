import type { RequestContext } from '../context.ts';
import type { Route } from '../oci/route.ts';
import type { Upstream } from '../upstream.ts';
import { isRead } from './access.ts';
import { relayOnTheEdge } from './answer.ts';
import { write } from './write.ts';

/**
 * Every request that the edge does not answer itself: handed to the origin and back, in both directions as a stream.
 * The answer teaches nothing: a list proves nothing but itself, and with a query (`ns` names another registry) it may be
 * about something else.
 */
export async function passThrough(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const { method, signal } = ctx;
  if (!isRead(method)) return relayOnTheEdge(ctx, upstream, (await write(ctx, upstream, route)).response);
  // `fetch` takes no body with a GET or HEAD, and no registry looks at one.
  const { response } = await upstream.origin.send(ctx, route.path + route.search, { method, signal });
  return relayOnTheEdge(ctx, upstream, response);
}
