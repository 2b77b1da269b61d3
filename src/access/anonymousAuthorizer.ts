import type { Access, Authorizer } from './authorizer.ts';

const EVERYBODY: Access = { kind: 'granted', mayPush: false };

/**
 * `CLIENT_AUTH=anonymous`: an openly declared public mirror. Every caller may pull and nobody may push; the origin is
 * asked without any caller's credential, so that what is cached is what everybody may see.
 */
export function createAnonymousAuthorizer(): Authorizer {
  return {
    authorize: () => EVERYBODY,
    proved() {},
    refuted() {},
  };
}
