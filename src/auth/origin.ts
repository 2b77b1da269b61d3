import { decodeJwt } from 'jose';
import type { RequestContext } from '../context.ts';
import type { Memory } from '../memory.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Access, Authorizer } from './authorizer.ts';

/** However long a token lives, the origin is asked again after this. */
const MAX_GRANT_MS = 60_000;
const GRANT_BYTES = 100;
const GRANTED: Access = { kind: 'granted', mayPush: true };
const UNPROVEN: Access = { kind: 'unproven' };

/**
 * `CLIENT_AUTH=origin`: the origin is the judge. What it granted is remembered in this isolate's memory only, for that
 * very credential and repository, for at most a minute and never past the token's own end. Everybody may push, callers
 * without a credential too: an origin that asks for none takes pushes as well.
 */
export function createOriginAuthorizer(memory: Memory): Authorizer {
  const grants = memory.part<Access>('grant');

  /** A repository's name has no space, so that no two pairs make one key. */
  function keyOf({ caller }: RequestContext, repository: RepositoryName): string | undefined {
    return caller === undefined ? undefined : `${repository} ${caller}`;
  }

  return {
    authorize(ctx, repository) {
      const key = keyOf(ctx, repository);
      return (key === undefined ? undefined : grants.get(key, ctx.now())) ?? UNPROVEN;
    },
    proved(ctx, repository) {
      const key = keyOf(ctx, repository);
      if (key === undefined) return;
      const endsAt = Math.min(ctx.startedAt + MAX_GRANT_MS, tokenEnd(ctx.request.headers.get('authorization') ?? ''));
      grants.set(key, GRANTED, endsAt, GRANT_BYTES);
    },
    refuted(ctx, repository) {
      const key = keyOf(ctx, repository);
      if (key !== undefined) grants.delete(key);
    },
  };
}

const BEARER = /^bearer +/i;

/** When a bearer token that is a JWT ends (epoch ms); it is read only to forget sooner, so nobody has to verify it. */
function tokenEnd(authorization: string): number {
  if (!BEARER.test(authorization)) return Number.POSITIVE_INFINITY;
  try {
    const { exp } = decodeJwt(authorization.replace(BEARER, ''));
    return exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000;
  } catch {
    return Number.POSITIVE_INFINITY; // opaque: only the origin knows
  }
}
