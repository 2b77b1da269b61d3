import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { withoutForeignMount } from './mounts.ts';

/** What an edge serves with an account of its own: whatever else a registry has may be for that account alone. */
const LENT_ROUTES: readonly Route['kind'][] = ['base', 'blob', 'manifest', 'tags', 'referrers'];

/**
 * Checks what may be asked for at all, before anybody is asked.
 * @returns the request as it may be made: no blob is mounted from a repository that is not named
 * @throws RegistryError DENIED: `ALLOW_REPOSITORIES` does not name the repository, or the route tells of others;
 *   NAME_UNKNOWN: no route on which the edge lends its account
 */
export function checkAllowed(ctx: RequestContext, upstream: Upstream, route: Route): Route {
  const { allowed, lendsAccount, users, foreignHosts } = upstream;
  // What is named for somebody is a repository of this origin.
  if ((allowed || users) && foreignHosts.isNamedIn(ctx, route.search)) {
    throw notServed(allowed ? 'ALLOW_REPOSITORIES' : 'USERS');
  }
  // Users of the edge's own get what their rights say.
  if (lendsAccount && !users && !LENT_ROUTES.includes(route.kind)) throw new RegistryError('NAME_UNKNOWN');
  if (!allowed) return route;
  // What tells of others is filtered for users.
  const isNamed = 'name' in route ? allowed.matches(route.name) : route.kind !== 'catalog' || users !== undefined;
  if (!isNamed) throw notServed('ALLOW_REPOSITORIES');
  return route.kind === 'upload' && ctx.method === 'POST' ? withoutForeignMount(route, allowed) : route;
}

function notServed(policy: string): RegistryError {
  return new RegistryError('DENIED', {
    message: 'this edge does not serve the repository',
    detail: { policy },
  });
}
