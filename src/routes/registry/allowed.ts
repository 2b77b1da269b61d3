import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Patterns } from '../../oci/patterns.ts';
import type { Route } from '../../oci/route.ts';
import type { Upstream } from '../../upstream/upstream.ts';

/** What an edge serves with an account of its own: whatever else a registry has may be for that account alone. */
const LENT_ROUTES: readonly Route['kind'][] = ['base', 'blob', 'manifest', 'tags', 'referrers'];

/**
 * Checks what may be asked for at all, before anybody is asked.
 * @throws RegistryError DENIED: `ALLOW_REPOSITORIES` does not name the repository, or the route tells of others;
 *   NAME_UNKNOWN: no route on which the edge lends its account
 */
export function checkAllowed(ctx: RequestContext, upstream: Upstream, route: Route): void {
  const { allowed, lendsAccount, users, foreignHosts } = upstream;
  // What is named for somebody is a repository of this origin.
  if ((allowed || users) && foreignHosts.isNamedIn(ctx, route.search)) {
    throw notServed(allowed ? 'ALLOW_REPOSITORIES' : 'USERS');
  }
  if (lendsAccount && !LENT_ROUTES.includes(route.kind)) throw new RegistryError('NAME_UNKNOWN');
  if (!allowed) return;
  const isNamed = 'name' in route ? allowed.matches(route.name) : route.kind !== 'catalog';
  if (isNamed && isSourceAllowed(allowed, route)) return;
  throw notServed('ALLOW_REPOSITORIES');
}

function notServed(policy: string): RegistryError {
  return new RegistryError('DENIED', {
    message: 'this edge does not serve the repository',
    detail: { policy },
  });
}

/** Whether a blob may be mounted from where the query says. */
function isSourceAllowed(allowed: Patterns, { kind, search }: Route): boolean {
  if (kind !== 'upload' || search === '') return true;
  return new URLSearchParams(search).getAll('from').every((from) => allowed.matches(from));
}
