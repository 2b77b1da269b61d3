import { look } from '../cache/readThrough.ts';
import { writeBack } from '../cache/writeBack.ts';
import type { RequestContext } from '../context.ts';
import type { Route } from '../oci/route.ts';
import { entryOf, isFirstHand } from '../origin/confirmation.ts';
import type { OriginResponse } from '../origin/origin.ts';
import type { Upstream } from '../upstream.ts';
import { isRead, learnAccess } from './access.ts';
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
  const answered = await send(ctx, upstream, route);
  if (route.search === '' && route.kind === 'blob' && ctx.request.method === 'GET') {
    learnDescriptor(ctx, upstream, route, answered);
  }
  return handBack(ctx, upstream, answered.response);
}

/** Hands the request on and learns from the answer what the caller may. */
export async function send(ctx: RequestContext, upstream: Upstream, route: Route): Promise<OriginResponse> {
  const { method, body } = ctx.request;
  const target = route.path + route.search;
  // `fetch` takes no body with a GET or HEAD, and no registry looks at one.
  if (isRead(method)) return learn(await upstream.origin.send(ctx, target, { method, body: null }));
  try {
    return learn(await upstream.origin.send(ctx, target, { method, body }));
  } finally {
    // What was asked before a write may be otherwise after it, also after one that nobody answered.
    if ('name' in route) upstream.flights.close(route.name);
  }

  function learn(answered: OriginResponse): OriginResponse {
    if (route.search === '' && 'name' in route) learnAccess(ctx, upstream, route.name, answered.response);
    return answered;
  }
}

/** The origin's answer, with its addresses on the edge. */
export function handBack(ctx: RequestContext, { origin }: Upstream, response: Response): Response {
  return relay(ctx, response, onTheEdge(ctx.request.url, origin.url, response.headers));
}

function learnDescriptor(
  ctx: RequestContext,
  upstream: Upstream,
  { name, digest }: BlobRoute,
  { response, sentAt }: OriginResponse,
): void {
  const entry = entryOf(response, digest, sentAt);
  if (!entry) return;
  const stored = () => look(ctx, upstream.shared.repositoryScoped(name, 'blobs'), digest);
  const writer = upstream.descriptors.repositoryScoped(name, 'blobs');
  const answer = { kind: 'found', entry, confirmed: isFirstHand(response) } as const;
  writeBack(ctx, digest, answer, stored, { writer, windows: upstream.windows });
}
