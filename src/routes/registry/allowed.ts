import { mayNot } from '../../access/authorizer.ts';
import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import { TOKEN_PATH } from '../../origin/edgeRealm.ts';
import type { Policies } from '../../policy/policies.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { mountSource, withoutForeignMount } from './mounts.ts';

/** What an edge serves with an account of its own: whatever else a registry has may be for that account alone. */
const LENT_ROUTES: readonly Route['kind'][] = ['base', 'blob', 'manifest', 'tags', 'referrers'];
/** Where registries hand out tokens, which tells of no repository: Quay, Artifact Registry, and the edge itself. */
const TOKEN_PATHS = ['/v2/auth', '/v2/token', TOKEN_PATH];

/**
 * Checks what may be asked for at all, before anybody is asked.
 * @returns the request as it may be made: no blob is mounted from a repository that is not served
 * @throws RegistryError DENIED: a policy does not let it through; NAME_UNKNOWN: no route on which the edge lends its
 *   account
 */
export function checkAllowed(ctx: RequestContext, upstream: Upstream, route: Route): Route {
  const { policies, lendsAccount, users, foreignHosts } = upstream;
  // Users of the edge's own get what their rights say, and a catalog without other repositories.
  if (lendsAccount && !users && !LENT_ROUTES.includes(route.kind)) throw new RegistryError('NAME_UNKNOWN');
  // What is named for somebody is a repository of this origin.
  const isNamed = policies.bounds !== undefined || users !== undefined;
  const isForeign = isNamed && foreignHosts.isNamedIn(ctx, route.search);
  policies.check(ctx, route, isForeign || isOfAll(route, users !== undefined));
  if (isForeign && users) throw refuseForeign(ctx);
  const mayMount = upstream.allowsWrites && route.kind === 'upload' && ctx.method === 'POST';
  return policies.bounds && mayMount ? withoutClosedSource(ctx, policies, route) : route;
}

/** Whether a request may be about all repositories. What the specification does not know may be about any. */
function isOfAll(route: Route, isForUsers: boolean): boolean {
  return route.kind === 'catalog' ? !isForUsers : route.kind === 'other' && !TOKEN_PATHS.includes(route.path);
}

/** Lets no blob be mounted from a repository that is not served. */
function withoutClosedSource(
  ctx: RequestContext,
  policies: Policies,
  route: Extract<Route, { kind: 'upload' }>,
): Route {
  const source = mountSource(route);
  const isLeftOut = source !== undefined && policies.leavesOut(ctx, source || undefined);
  return policies.bounds === 'enforce' ? withoutForeignMount(route, { matches: () => !isLeftOut }) : route;
}

function refuseForeign(ctx: RequestContext): RegistryError {
  ctx.emit({ kind: 'policy', policy: 'USERS', outcome: 'denied' });
  return mayNot('use the registry that ns names');
}
