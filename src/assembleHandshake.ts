import type { UpstreamConfig } from './config/upstream.ts';
import { createAccount } from './origin/createAccount.ts';
import { createEdgeTokens, type TokensOptions } from './origin/edgeTokens.ts';
import { createHandshake, type Handshake } from './origin/handshake.ts';
import { createPublicOnly } from './origin/publicOnly.ts';
import type { RealmPolicy } from './origin/realms.ts';

/** The token server of an origin is waited for no longer than this. */
export const MAX_TOKEN_MS = 10_000;

/** The edge answers the origin's challenges itself: as nobody, or with the account that it lends. */
export function createOwnHandshake(
  { account: settings, allowsWrites }: UpstreamConfig,
  realms: RealmPolicy,
  options: Omit<TokensOptions, 'account'>,
): Handshake {
  const asNobody = () => createHandshake(realms, createEdgeTokens(options));
  if (!settings) return asNobody();
  const account = createAccount(settings, options, allowsWrites);
  const withAccount = createHandshake(realms, createEdgeTokens({ ...options, account }), account);
  return settings.lentFor === 'all' ? withAccount : createPublicOnly(asNobody(), withAccount);
}
