import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import type { Upstream } from '../../upstream/upstream.ts';

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="registry-edge", charset="UTF-8"' };

/**
 * Lets only users of the edge's own in, to the repositories that they may pull, before anything is asked or looked up.
 * @throws RegistryError UNAUTHORIZED: who it is has to be known; DENIED: it is known, and may not
 */
export async function enter(ctx: RequestContext, { users }: Upstream, route: Route): Promise<void> {
  if (!users) return;
  const user = await users.identify(ctx);
  const isAllowed = route.kind === 'base' || ('name' in route && user?.pull.matches(route.name) === true);
  if (user && isAllowed) return;
  // Somebody who has not logged in may be let in with a login.
  if (!user || !ctx.request.headers.has('authorization'))
    throw new RegistryError('UNAUTHORIZED', { headers: CHALLENGE });
  throw new RegistryError('DENIED', {
    message: 'this user may not pull from the repository',
    detail: { policy: 'USERS' },
  });
}
