import { decodeJwt } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Memory } from '../isolate/memory.ts';
import { fingerprint } from '../oci/hash.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Access, AnswerKind, Authorizer } from './authorizer.ts';

/** However long a token lives, the origin is asked again after this. */
const MAX_GRANT_MS = 60_000;
const GRANT_BYTES = 100;
/** Apart from the grants, so that a flood of strangers pushes none of those out. */
const MAX_REFUSALS = 1_000;
const GRANTED: Access = { kind: 'granted', mayPush: true };
const UNPROVEN: Access = { kind: 'unproven' };
/** What an answer of each kind proves: who may have content may know of it; a list proves nothing but itself. */
const PROVES: Readonly<Record<AnswerKind, readonly AnswerKind[]>> = {
  'HEAD blobs': ['HEAD blobs'],
  'GET blobs': ['GET blobs', 'HEAD blobs'],
  'HEAD manifests': ['HEAD manifests'],
  'GET manifests': ['GET manifests', 'HEAD manifests'],
  'GET lists': ['GET lists'],
};
const KINDS = Object.keys(PROVES) as AnswerKind[];

/**
 * `CLIENT_AUTH=origin`: the origin is the judge. What it granted is remembered in this isolate's memory only, for that
 * very credential, repository and kind of answer, for at most a minute and never past the token's own end. Everybody may
 * push, callers without a credential too: an origin that asks for none takes pushes as well.
 */
export function createOriginAuthorizer(memory: Memory): Authorizer {
  const grants = memory.part<Access>('grant');
  const refusals = new LRUCache<number, number>({ max: MAX_REFUSALS });

  /** Neither a kind's two words nor a repository's name have a space of their own, so that no two grants share a key. */
  function keyOf(caller: string, repository: RepositoryName, kind: AnswerKind): string {
    return `${kind} ${repository} ${caller}`;
  }

  return {
    authorize(ctx, repository, kind) {
      const { caller } = ctx;
      if (caller === undefined) return UNPROVEN;
      return grants.get(keyOf(caller, repository, kind), ctx.now()) ?? UNPROVEN;
    },
    proved({ caller, startedAt, request }, repository, kind) {
      if (caller === undefined) return;
      // Of two answers that cross the refusal stands, however late the other one comes.
      if ((refusals.get(fingerprint(`${repository} ${caller}`)) ?? 0) > startedAt) return;
      const endsAt = Math.min(startedAt + MAX_GRANT_MS, tokenEnd(request.headers.get('authorization') ?? ''));
      for (const proven of PROVES[kind]) grants.set(keyOf(caller, repository, proven), GRANTED, endsAt, GRANT_BYTES);
    },
    refuted(ctx, repository) {
      const { caller } = ctx;
      if (caller === undefined) return;
      refusals.set(fingerprint(`${repository} ${caller}`), ctx.now());
      for (const kind of KINDS) grants.delete(keyOf(caller, repository, kind));
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
