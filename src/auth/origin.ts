import { decodeJwt } from 'jose';
import type { RequestContext } from '../context.ts';
import type { Memory } from '../memory.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Authorizer } from './authorizer.ts';
import { callerOf } from './identity.ts';

/** What the origin said of one caller in one repository, and when the request came in that it answered so. */
interface Verdict {
  readonly granted: boolean;
  readonly askedAt: number;
}

/** However long a token lives, the origin is asked again after this. */
const MAX_GRANT_MS = 60_000;
const VERDICT_BYTES = 100;

/**
 * `CLIENT_AUTH=origin`: the origin is the judge. What it granted is remembered in this isolate's memory only, for that
 * very credential and repository, for at most a minute and never past the token's own end. Everybody may push, callers
 * without a credential too: an origin that asks for none takes pushes as well.
 */
export function createOriginAuthorizer(memory: Memory): Authorizer {
  const verdicts = memory.part<Verdict>('verdict');

  function remember(ctx: RequestContext, repository: RepositoryName, granted: boolean): void {
    const caller = callerOf(ctx.request);
    if (caller === undefined) return;
    const key = keyOf(repository, caller);
    const known = verdicts.get(key, ctx.now());
    // An answer to an earlier request does not undo a later one's refusal.
    if (granted && known && !known.granted && known.askedAt >= ctx.startedAt) return;
    const endsAt = Math.min(ctx.startedAt + MAX_GRANT_MS, granted ? tokenEnd(caller) : Number.POSITIVE_INFINITY);
    verdicts.set(key, { granted, askedAt: ctx.startedAt }, endsAt, VERDICT_BYTES);
  }

  return {
    async authorize(ctx, repository) {
      const caller = callerOf(ctx.request);
      const verdict = caller === undefined ? undefined : verdicts.get(keyOf(repository, caller), ctx.now());
      return verdict?.granted ? { kind: 'granted', mayPush: true } : { kind: 'unproven' };
    },
    proved: (ctx, repository) => remember(ctx, repository, true),
    refuted: (ctx, repository) => remember(ctx, repository, false),
  };
}

/** A repository's name has no space, so that no two pairs make one key. */
function keyOf(repository: RepositoryName, caller: string): string {
  return `${repository} ${caller}`;
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
