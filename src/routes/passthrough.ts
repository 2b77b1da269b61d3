import { look } from '../cache/lookup.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { RequestContext } from '../context.ts';
import type { Route } from '../oci/route.ts';
import { entryOf, isFirstHand } from '../origin/confirmation.ts';
import type { OriginResponse } from '../origin/origin.ts';
import type { Upstream } from '../upstream.ts';
import { isRead, learnAccess, mayTeach } from './access.ts';
import { relay } from './answer.ts';
import type { BlobRoute } from './blobs.ts';
import { onTheEdge } from './location.ts';

/**
 * Every request that the edge does not answer itself: handed to the origin and back, in both directions as a stream.
 * The origin's answer tells what this caller may, and a blob's descriptor on the way; with a query (`ns` names another
 * registry) it may be about something else, and teaches nothing.
 */
export async function passThrough(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const { method } = ctx;
  const { body } = ctx.request;
  const target = route.path + route.search;
  if (isRead(method)) {
    // `fetch` takes no body with a GET or HEAD, and no registry looks at one.
    const answered = await upstream.origin.send(ctx, target, { method, body: null, signal: ctx.signal });
    learn(ctx, upstream, route, answered);
    return relayOnTheEdge(ctx, upstream, answered.response);
  }
  try {
    const { response } = await upstream.origin.send(ctx, target, { method, body, signal: ctx.signal });
    return relayOnTheEdge(ctx, upstream, response);
  } finally {
    // What was asked before a write may be otherwise after it, also after one that nobody answered.
    if ('name' in route) upstream.flights.close(route.name);
  }
}

/** The origin's answer, with its addresses on the edge. */
export function relayOnTheEdge(ctx: RequestContext, { origin }: Upstream, response: Response): Response {
  return relay(ctx, response, onTheEdge(ctx.url, origin.url, response.headers));
}

function learn(ctx: RequestContext, upstream: Upstream, route: Route, answered: OriginResponse): void {
  // An upload's session is the origin's own word, so an answer about one is about no repository for certain.
  if (route.search !== '' || !('name' in route) || route.kind === 'upload') return;
  learnAccess(ctx, upstream, route.name, answered.response);
  if (ctx.method === 'GET' && route.kind === 'blob') learnDescriptor(ctx, upstream, route, answered);
}

function learnDescriptor(
  ctx: RequestContext,
  upstream: Upstream,
  { name, digest }: BlobRoute,
  { response, sentAt }: OriginResponse,
): void {
  const entry = entryOf(response, digest, sentAt);
  if (!entry || !isFirstHand(response) || !mayTeach(ctx, upstream)) return;
  const known = () => look(ctx, upstream.shared.repositoryScoped(name, 'blobs'), digest);
  const writer = upstream.descriptors.repositoryScoped(name, 'blobs');
  writeBack(ctx, digest, entry, known, { writer, ttls: upstream.ttls });
}
