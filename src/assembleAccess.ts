import { createAnonymousAuthorizer } from './access/anonymousAuthorizer.ts';
import type { Authorizer } from './access/authorizer.ts';
import { createOriginAuthorizer } from './access/originAuthorizer.ts';
import { createTokenAuthorizer } from './access/tokenAuthorizer.ts';
import { createTokenKeys, keySourceOf } from './access/tokenKeys.ts';
import { createTokenVerifier } from './access/tokenVerifier.ts';
import { createUploadOwners } from './access/uploadOwners.ts';
import { createUserAuthorizer } from './access/userAuthorizer.ts';
import { createUsers } from './access/users.ts';
import type { UpstreamConfig } from './config/upstream.ts';
import type { TokenSettings } from './http/tokenSettings.ts';
import type { Memory } from './isolate/memory.ts';
import type { Upstream } from './upstream/upstream.ts';

/** Names the parts that judge the callers of an upstream. */
export function createAccess(config: UpstreamConfig, memory: Memory): Pick<Upstream, 'authorizer' | 'users'> {
  if (config.clientAuth === 'basic') {
    const list = createUsers(config, memory);
    return { authorizer: createUserAuthorizer(list), users: { list, uploads: createUploadOwners(secretOf(config)) } };
  }
  const { clientAuth, tokens } = config;
  const isOpen = clientAuth === 'anonymous';
  return {
    authorizer: isOpen ? createAnonymousAuthorizer() : createCallerAuthorizer(tokens, memory),
    users: undefined,
  };
}

/** The origin judges every credential, but for the tokens that the edge can verify. */
function createCallerAuthorizer(settings: TokenSettings | undefined, memory: Memory): Authorizer {
  const origin = createOriginAuthorizer(memory);
  if (!settings) return origin;
  const verifier = createTokenVerifier(settings, createTokenKeys(keySourceOf(settings)), memory);
  return createTokenAuthorizer(origin, verifier, settings.isPullOnly);
}

/** Returns what no user knows. Where there is no account, that is what the others' secrets are. */
function secretOf({ alias, account, users = [] }: UpstreamConfig): string {
  return JSON.stringify([alias, account ?? users.map(({ name, secret }) => [name, secret])]);
}
