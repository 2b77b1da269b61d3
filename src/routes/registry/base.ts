import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { API_VERSION } from './answer.ts';
import { corsHeaders, isOfScript } from './cors.ts';
import { passThrough } from './passthrough.ts';

/**
 * `GET /v2/`: whether this is a registry, and whether the caller may speak to it. The origin says so, to `/v2` in its own
 * way (301, 404); an open mirror asks nobody for a credential, so it says yes itself, to both. What scripts may read of that
 * is the origin's word there too.
 */
export async function base(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  if (!upstream.readOnly) return passThrough(ctx, upstream, route);
  const cors = isOfScript(ctx) ? await policyOf(ctx, upstream, route) : {};
  return new Response('{}', {
    headers: { ...cors, 'Content-Type': 'application/json', 'Cache-Control': 'no-transform', ...API_VERSION },
  });
}

/** The answer that the mirror gives without its origin needs none of it. */
async function policyOf(ctx: RequestContext, { origin }: Upstream, { path }: Route): Promise<Record<string, string>> {
  try {
    const { response } = await origin.send(ctx, path, { method: 'GET', signal: ctx.signal });
    ctx.waitUntil(response.body?.cancel() ?? Promise.resolve());
    return corsHeaders(response);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE') return {};
    throw error;
  }
}
