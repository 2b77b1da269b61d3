import type { Access, Authorizer } from './authorizer.ts';

const PULL_ONLY: Access = { kind: 'granted', mayPush: false };

/**
 * Creates the authorizer of `CLIENT_AUTH=anonymous`, a mirror that is declared public: every caller may pull and nobody
 * may push. The origin is asked without any caller's credential, so the cache holds only what everybody may see.
 */
export function createAnonymousAuthorizer(): Authorizer {
  return {
    authorize: () => PULL_ONLY,
    onlyPulls: () => true,
    recordProof() {},
    recordRefusal() {},
    needsLogin: () => false,
  };
}
