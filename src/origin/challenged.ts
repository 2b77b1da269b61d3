import { type BearerChallenge, parseBearerChallenge } from '../http/challenge.ts';
import type { IssuedToken } from './edgeTokens.ts';
import type { TokenRequest } from './fetchToken.ts';

/** Returns the token that an answer demands. */
export function challengeIn({ status, headers }: Response): BearerChallenge | undefined {
  return status === 401 ? parseBearerChallenge(headers.get('www-authenticate')) : undefined;
}

/** A token younger than this was refused for what it grants: another one would grant the same. */
const SETTLED_MS = 5_000;

export interface SentToken {
  readonly token: IssuedToken;
  readonly request: TokenRequest;
}

/**
 * Whether another token may help: none was sent, or it was not the one that the origin demands here, or it may have been
 * revoked since.
 */
export function isWorthAnother(challenge: BearerChallenge, sent: SentToken | undefined, nowMs: number): boolean {
  if (!sent || !isFrom(challenge, sent.request)) return true;
  return challenge.error !== 'insufficient_scope' && nowMs - sent.token.since >= SETTLED_MS;
}

/** Whether a token was requested as a challenge says. */
function isFrom({ realm, service }: BearerChallenge, request: TokenRequest): boolean {
  return URL.canParse(realm) && new URL(realm).href === request.realm.href && service === request.service;
}
