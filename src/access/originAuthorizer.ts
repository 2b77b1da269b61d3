import { lru } from 'tiny-lru';
import type { Memory } from '../isolate/memory.ts';
import { fingerprint } from '../oci/hash.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Access, AnswerKind, Authorizer } from './authorizer.ts';
import { bearerToken, parseJwt } from './bearer.ts';

/** However long a token is valid, the origin is asked again after this time. */
const MAX_GRANT_MS = 60_000;
const GRANT_BYTES = 100;
/** Refusals have their own bound, so that a flood of refused callers cannot push grants out of memory. */
const MAX_REFUSALS = 1_000;
const GRANTED: Access = { kind: 'granted', mayPush: true };
const UNPROVEN: Access = { kind: 'unproven' };
/** What an answer of each kind proves: a GET proves the HEAD as well; a list proves only lists. */
const PROVEN_KINDS: Readonly<Record<AnswerKind, readonly AnswerKind[]>> = {
  'HEAD blobs': ['HEAD blobs'],
  'GET blobs': ['GET blobs', 'HEAD blobs'],
  'HEAD manifests': ['HEAD manifests'],
  'GET manifests': ['GET manifests', 'HEAD manifests'],
  'GET lists': ['GET lists'],
};
const KINDS = Object.keys(PROVEN_KINDS) as AnswerKind[];

interface Grant {
  /** When the caller's token expires (epoch ms), kept because reading a token takes longer than the rest of a proof. */
  readonly tokenEndsAt: number;
}

/**
 * Creates the authorizer of `CLIENT_AUTH=origin`: the origin decides. A grant is remembered only in this isolate's
 * memory, for exactly this credential, repository and kind of answer, for at most one minute and never beyond the
 * token's expiry. Every caller is assumed to be able to push, even without a credential: an origin that requires no
 * credential accepts pushes, too.
 */
export function createOriginAuthorizer(memory: Memory): Authorizer {
  const grants = memory.part<Grant>('grant');
  const refusals = lru<number>(MAX_REFUSALS);
  /** When the origin last refused a caller without a credential, by repository. */
  const refusedStrangers = lru<number>(MAX_REFUSALS);

  /** Spaces separate the parts. A repository name has none and a kind has exactly one, so no two grants share a key. */
  function grantKey(caller: string, repository: RepositoryName, kind: AnswerKind): string {
    return `${kind} ${repository} ${caller}`;
  }

  return {
    authorize(ctx, repository, kind) {
      const { caller } = ctx;
      if (caller === undefined) return UNPROVEN;
      return grants.get(grantKey(caller, repository, kind), ctx.now()) ? GRANTED : UNPROVEN;
    },
    onlyPulls: () => false,
    recordProof({ caller, startedAt }, repository, kind) {
      if (caller === undefined) return;
      // If a refusal came while this request was in progress, the refusal wins, however late this answer arrives.
      if ((refusals.get(fingerprint(`${repository} ${caller}`)) ?? 0) > startedAt) return;
      const known = grants.get(grantKey(caller, repository, kind), startedAt);
      const grant = known ?? { tokenEndsAt: tokenExpiry(caller) };
      const expiresAtMs = Math.min(startedAt + MAX_GRANT_MS, grant.tokenEndsAt);
      for (const proven of PROVEN_KINDS[kind])
        grants.set(grantKey(caller, repository, proven), grant, expiresAtMs, GRANT_BYTES);
    },
    recordRefusal(ctx, repository) {
      const { caller } = ctx;
      if (caller === undefined) return;
      refusals.set(fingerprint(`${repository} ${caller}`), ctx.now());
      if (caller === '') refusedStrangers.set(repository, ctx.now());
      for (const kind of KINDS) grants.delete(grantKey(caller, repository, kind));
    },
    needsLogin({ caller, startedAt }, repository) {
      const refusedAt = caller === '' ? refusedStrangers.get(repository) : undefined;
      return refusedAt !== undefined && startedAt - refusedAt < MAX_GRANT_MS;
    },
  };
}

/**
 * Returns when the bearer token expires (epoch ms), if it is a JWT that says so; otherwise infinity. The signature is
 * not verified, because the expiry only ever shortens a grant.
 */
function tokenExpiry(authorization: string): number {
  const exp = parseJwt(bearerToken(authorization) ?? '')?.claims.exp;
  // A token whose end is no number ends at once.
  return exp === undefined ? Number.POSITIVE_INFINITY : Number(exp) * 1000;
}
