import type { RequestContext } from '../context.ts';
import type { Route } from '../oci/route.ts';
import type { Upstream } from '../upstream.ts';
import { API_VERSION } from './answer.ts';
import { passThrough } from './passthrough.ts';

/**
 * `GET /v2/`: whether this is a registry, and whether the caller may speak to it. The origin says so; an open mirror
 * asks nobody for a credential, so it says yes itself.
 */
export async function base(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  if (!upstream.readOnly) return passThrough(ctx, upstream, route);
  return new Response('{}', {
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-transform', ...API_VERSION },
  });
}
