import type { RequestContext } from '../context.ts';
import type { Route } from '../oci/route.ts';
import type { Upstream } from '../upstream.ts';
import { isRead, learnAccess } from './access.ts';
import { relayOnTheEdge } from './answer.ts';
import { write } from './write.ts';

/**
 * Every request that the edge does not answer itself: handed to the origin and back, in both directions as a stream.
 * The origin's answer tells what this caller may; with a query (`ns` names another registry) it may be about something
 * else, and teaches nothing.
 */
export async function passThrough(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const { method, signal } = ctx;
  if (!isRead(method)) return relayOnTheEdge(ctx, upstream, (await write(ctx, upstream, route)).response);
  // `fetch` takes no body with a GET or HEAD, and no registry looks at one.
  const { response } = await upstream.origin.send(ctx, route.path + route.search, { method, signal });
  // An upload's session is the origin's own word, so an answer about one is about no repository for certain.
  const isAboutOne = 'name' in route && route.kind !== 'upload' && upstream.ownQueries.has(route.search);
  if (isAboutOne) learnAccess(ctx, upstream, route.name, response);
  return relayOnTheEdge(ctx, upstream, response);
}
