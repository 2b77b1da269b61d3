import type { RequestContext } from '../context.ts';
import { type ForwardedBody, forwardBody } from '../http/body/forwardBody.ts';
import type { Route } from '../oci/route.ts';
import type { OriginResponse } from '../origin/origin.ts';
import type { Upstream } from './upstream.ts';

/**
 * Sends a write to the origin and streams its body. A write may change the answer to any question that was asked before
 * it, even if the origin does not answer the write; so the repository's flights are closed, and nobody joins them. An
 * upload makes no answer untrue that flights share, since they share no "absent".
 * @param sent the body, if it is not the request's own
 * @throws RegistryError ORIGIN_UNREACHABLE; REQUEST_INVALID: the body broke off
 */
export async function sendWrite(
  ctx: RequestContext,
  { origin, flights }: Upstream,
  route: Route,
  sent: ForwardedBody | undefined = forwardBody(ctx.request),
): Promise<OriginResponse> {
  const { method, signal } = ctx;
  try {
    return await origin.send(ctx, route.path + route.search, { method, sent, signal });
  } finally {
    if ('name' in route && route.kind !== 'upload') flights.close(route.name);
  }
}
