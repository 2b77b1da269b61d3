import { lru } from 'tiny-lru';
import type { RequestContext } from '../context.ts';
import { fingerprint } from '../oci/hash.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Access, Authorizer } from './authorizer.ts';
import { bearerToken } from './bearer.ts';
import type { TokenVerifier, VerifiedToken } from './tokenVerifier.ts';

/** A refusal of the origin outweighs a token that grants a pull, for this time. */
const REFUSAL_MS = 60_000;
const MAX_REFUSALS = 1_000;

/**
 * Lets a bearer token that the edge has verified be a proof by itself, for what its claim `access` grants. Every other
 * credential, and every other right, is judged by the origin as without it.
 * @param origin the authorizer that asks the origin
 * @param isPullOnly whether the subject of a token never pushes
 */
export function createTokenAuthorizer(
  origin: Authorizer,
  verifier: TokenVerifier,
  isPullOnly: (subject: string) => boolean,
): Authorizer {
  const refusals = lru<number>(MAX_REFUSALS);
  const keyOf = ({ caller }: RequestContext, name: RepositoryName) => String(fingerprint(`${name} ${caller}`));

  function isRefused(ctx: RequestContext, name: RepositoryName): boolean {
    const refusedAt = refusals.get(keyOf(ctx, name));
    return refusedAt !== undefined && ctx.now() - refusedAt < REFUSAL_MS;
  }

  return {
    authorize(ctx, name, kind) {
      const byOrigin = () => origin.authorize(ctx, name, kind);
      const token = ctx.caller === undefined ? undefined : bearerToken(ctx.caller);
      if (token === undefined) return byOrigin();
      const decide = (verified: VerifiedToken | 'unverified'): Access | Promise<Access> => {
        if (verified === 'unverified') return byOrigin();
        const granted: Access = { kind: 'granted', mayPush: !isPullOnly(verified.subject) };
        if (verified.pulls.has(name) && !isRefused(ctx, name)) return granted;
        // A subject that never pushes does not, whoever proved its right to pull.
        const withSubject = (access: Access) => (access.kind === 'granted' ? granted : access);
        const access = byOrigin();
        return access instanceof Promise ? access.then(withSubject) : withSubject(access);
      };
      const known = verifier.recall(ctx, token);
      return known ? decide(known) : verifier.verify(ctx, token).then(decide);
    },
    async onlyPulls(ctx) {
      const token = bearerToken(ctx.request.headers.get('authorization') ?? '');
      if (token === undefined) return false;
      const verified = verifier.recall(ctx, token) ?? (await verifier.verify(ctx, token));
      return verified !== 'unverified' && isPullOnly(verified.subject);
    },
    recordProof: (ctx, name, kind) => origin.recordProof(ctx, name, kind),
    needsLogin: (ctx, name) => origin.needsLogin(ctx, name),
    subjectOf(ctx) {
      const token = ctx.caller === undefined ? undefined : bearerToken(ctx.caller);
      const known = token === undefined ? undefined : verifier.recall(ctx, token);
      return known === undefined || known === 'unverified' ? undefined : known.subject;
    },
    recordRefusal(ctx, name) {
      if (ctx.caller !== undefined) refusals.set(keyOf(ctx, name), ctx.now());
      origin.recordRefusal(ctx, name);
    },
  };
}
