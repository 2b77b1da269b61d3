import { mayNot } from '../../access/authorizer.ts';
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
  const { sources, isBounding } = policies;
  // Users of the edge's own get what their rights say, and a catalog without other repositories.
  if (lendsAccount && !users && !LENT_ROUTES.includes(route.kind)) throw new RegistryError('NAME_UNKNOWN');
  // What is named for somebody is a repository of this origin.
  const isForeign = (isBounding || users !== undefined) && foreignHosts.isNamedIn(ctx, route.search);
  policies.check(ctx, route, isForeign || (route.kind === 'catalog' && !users));
  if (isForeign && users) throw refuseForeign(ctx);
  const isMount = sources && route.kind === 'upload' && ctx.method === 'POST';
  return isMount ? withoutForeignMount(route, sources) : route;
}

function refuseForeign(ctx: RequestContext): RegistryError {
  ctx.emit({ kind: 'policy', policy: 'USERS', outcome: 'denied' });
  return mayNot('use the registry that ns names');
}
