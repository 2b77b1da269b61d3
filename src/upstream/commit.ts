import type { RequestContext } from '../context.ts';
import { type ForwardedBody, forwardBody } from '../http/body/forwardBody.ts';
import type { Route } from '../oci/route.ts';
import type { OriginResponse } from '../origin/origin.ts';
import type { Upstream } from './upstream.ts';

/**
 * Hands a write to the origin, its body as a stream. What was asked before a write may be otherwise after it, also after
 * one that nobody answered: nobody joins those questions any more.
 * @param sent the body, where it is not to go on as it is
 * @throws RegistryError ORIGIN_UNREACHABLE; REQUEST_INVALID: the body broke off
 */
export async function write(
  ctx: RequestContext,
  { origin, flights }: Upstream,
  route: Route,
  sent: ForwardedBody | undefined = forwardBody(ctx.request),
): Promise<OriginResponse> {
  const { method, signal } = ctx;
  try {
    return await origin.send(ctx, route.path + route.search, { method, sent, signal });
  } finally {
    if ('name' in route) flights.close(route.name);
  }
}
