import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Route } from '../oci/route.ts';
import type { Upstream } from '../upstream.ts';
import { isRead, learnAccess } from './access.ts';
import { relayOnTheEdge } from './answer.ts';

/**
 * Every request that the edge does not answer itself: handed to the origin and back, in both directions as a stream.
 * The origin's answer tells what this caller may; with a query (`ns` names another registry) it may be about something
 * else, and teaches nothing.
 */
export async function passThrough(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const { method, signal } = ctx;
  const target = route.path + route.search;
  if (isRead(method)) {
    // `fetch` takes no body with a GET or HEAD, and no registry looks at one.
    const { response } = await upstream.origin.send(ctx, target, { method, signal });
    // An upload's session is the origin's own word, so an answer about one is about no repository for certain.
    const isAboutOne = 'name' in route && route.kind !== 'upload' && upstream.ownQueries.has(route.search);
    if (isAboutOne) learnAccess(ctx, upstream, route.name, response);
    return relayOnTheEdge(ctx, upstream, response);
  }
  try {
    const { response } = await upstream.origin.send(ctx, target, { method, body: ctx.request.body, signal });
    if (response.ok) await dropTag(ctx, upstream, route);
    return relayOnTheEdge(ctx, upstream, response);
  } finally {
    // What was asked before a write may be otherwise after it, also after one that nobody answered.
    if ('name' in route) upstream.flights.close(route.name);
  }
}

/** A tag that was pushed or deleted leads elsewhere now. */
async function dropTag(ctx: RequestContext, { tags }: Upstream, route: Route): Promise<void> {
  if (route.kind !== 'manifest' || route.reference.kind !== 'tag') return;
  try {
    await tags.drop(ctx, route.name, [route.reference.text]);
  } catch (fault) {
    // `TAG_TTL` bounds how long anybody is led to where it was.
    ctx.log.warn('a tag could not be dropped', { error: errorName(fault) });
  }
}
