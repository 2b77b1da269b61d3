import { mayNot } from '../../access/authorizer.ts';
import type { RequestContext } from '../../context.ts';
import { METHODS } from '../../http/methods.ts';
import type { User } from '../../http/userSettings.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import type { EdgeUsers } from '../../upstream/upstream.ts';
import { withoutForeignMount } from './mounts.ts';
import { type Need, needOf } from './needs.ts';

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="registry-edge", charset="UTF-8"' };
const WHAT: Readonly<Record<Need, string>> = {
  login: 'log in',
  pull: 'pull from the repository',
  push: 'push to the repository',
  delete: 'delete from the repository',
  catalog: 'list the repositories',
};

/**
 * Lets only users of the edge's own in, each with its own rights, before anything is asked or looked up.
 * @returns who it is, and the request as this user may make it
 * @throws RegistryError UNAUTHORIZED: who it is has to be known; DENIED: it is known, and may not; NAME_UNKNOWN,
 *   UNSUPPORTED: the specification has no such request; BLOB_UPLOAD_UNKNOWN: another user began the upload
 */
export async function enter(
  ctx: RequestContext,
  { list, uploads }: EdgeUsers,
  route: Route,
): Promise<{ readonly user: User; readonly route: Route }> {
  const user = await list.identify(ctx);
  if (!user) throw unauthorized();
  const need = needOf(ctx.method, route);
  if (!need) throw unknown(route);
  if (!hasRight(user, need, route)) {
    // Somebody who has not logged in may be let in with a login.
    if (!ctx.request.headers.has('authorization')) throw unauthorized();
    ctx.emit({ kind: 'policy', policy: 'USERS', outcome: 'denied' });
    throw mayNot(WHAT[need]);
  }
  if (route.kind !== 'upload') return { user, route };
  return {
    user,
    route: ctx.method === 'POST' ? withoutForeignMount(route, user.pull) : await uploads.claim(user, route),
  };
}

function hasRight(user: User, need: Need, route: Route): boolean {
  if (need === 'login') return true;
  return need === 'catalog' ? user.catalog : 'name' in route && user[need].matches(route.name);
}

function unknown(route: Route): RegistryError {
  if (route.kind === 'other' || route.kind === 'foreign') return new RegistryError('NAME_UNKNOWN');
  const Allow = METHODS.filter((method) => needOf(method, route)).join(', ');
  return new RegistryError('UNSUPPORTED', { headers: { Allow } });
}

function unauthorized(): RegistryError {
  return new RegistryError('UNAUTHORIZED', { headers: CHALLENGE });
}
