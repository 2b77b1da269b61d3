import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { API_VERSION } from './answer.ts';
import { corsHeaders, isFromScript } from './cors.ts';
import { passThrough } from './passthrough.ts';

/**
 * Answers `GET /v2/`: whether this is a registry, and whether the caller may use it. The origin decides, and answers
 * `/v2` in its own way (301, 404). An open mirror needs no credential, so it answers both paths with yes itself; what
 * scripts may read of that is still the origin's policy.
 */
export async function answerBase(ctx: RequestContext, upstream: Upstream, route: Route): Promise<Response> {
  if (upstream.askedAs === 'caller') return passThrough(ctx, upstream, route);
  const cors = isFromScript(ctx) ? await fetchCorsHeaders(ctx, upstream, route) : {};
  return new Response('{}', {
    headers: { ...cors, 'Content-Type': 'application/json', 'Cache-Control': 'no-transform', ...API_VERSION },
  });
}

/** Returns no headers where the origin is unreachable: the mirror's answer does not depend on it. */
async function fetchCorsHeaders(
  ctx: RequestContext,
  { origin }: Upstream,
  { path }: Route,
): Promise<Record<string, string>> {
  try {
    const { response } = await origin.send(ctx, path, { method: 'GET', signal: ctx.signal });
    ctx.waitUntil(response.body?.cancel() ?? Promise.resolve());
    return corsHeaders(response);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE') return {};
    throw error;
  }
}
