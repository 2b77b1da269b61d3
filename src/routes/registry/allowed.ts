import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { withoutForeignMount } from './mounts.ts';

/** What an edge serves with an account of its own: whatever else a registry has may be for that account alone. */
const LENT_ROUTES: readonly Route['kind'][] = ['base', 'blob', 'manifest', 'tags', 'referrers'];

/**
 * Checks what may be asked for at all, before anybody is asked.
 * @returns the request as it may be made: no blob is mounted from a repository that is not served
 * @throws RegistryError DENIED: a policy does not let it through; NAME_UNKNOWN: no route on which the edge lends its
 *   account
 */
export function checkAllowed(ctx: RequestContext, upstream: Upstream, route: Route): Route {
  const { policies, lendsAccount, users, foreignHosts } = upstream;
  const { sources } = policies;
  // What is named for somebody is a repository of this origin.
  if ((sources || users) && foreignHosts.isNamedIn(ctx, route.search)) {
    throw new RegistryError('DENIED', { message: 'this edge does not serve the registry that ns names' });
  }
  // Users of the edge's own get what their rights say.
  if (lendsAccount && !users && !LENT_ROUTES.includes(route.kind)) throw new RegistryError('NAME_UNKNOWN');
  policies.check(ctx, route, users !== undefined);
  const isMount = sources && route.kind === 'upload' && ctx.method === 'POST';
  return isMount ? withoutForeignMount(route, sources) : route;
}
