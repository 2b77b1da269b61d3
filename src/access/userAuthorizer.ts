import type { RequestContext } from '../context.ts';
import type { RepositoryName } from '../oci/name.ts';
import { type Access, type Authorizer, mayNot } from './authorizer.ts';
import type { Users } from './users.ts';

/**
 * Creates the authorizer of `CLIENT_AUTH=basic`: a user has what `USERS` says. Nobody who may neither push to nor delete
 * from a repository can change it, so there the user only pulls. The origin is asked without any credential of a user.
 */
export function createUserAuthorizer(users: Users): Authorizer {
  function authorize(ctx: RequestContext, name: RepositoryName): Access {
    const user = users.known(ctx);
    if (!user?.pull.matches(name)) return { kind: 'refused', error: mayNot('pull from the repository') };
    return { kind: 'granted', mayPush: user.push.matches(name) || user.delete.matches(name) };
  }

  return {
    authorize,
    onlyPulls(ctx, name) {
      const access = authorize(ctx, name);
      return access.kind === 'granted' && !access.mayPush;
    },
    recordProof() {},
    recordRefusal() {},
    needsLogin: () => false,
  };
}
