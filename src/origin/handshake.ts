import type { RequestContext } from '../context.ts';
import { type BearerChallenge, parseBearerChallenge } from '../http/challenge.ts';
import { isReadMethod } from '../http/methods.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import { parseRoute, splitUrl } from '../oci/route.ts';
import type { Account } from './account.ts';
import { createDemands, type Demanded } from './demands.ts';
import type { EdgeTokens, IssuedToken } from './edgeTokens.ts';
import type { Exchange, SendOnce } from './exchange.ts';
import type { TokenRequest } from './fetchToken.ts';
import { accountRefused, createLogin, withAuthorization } from './login.ts';
import type { OriginResponse } from './origin.ts';
import type { RealmPolicy } from './realms.ts';
import { refusal, withoutChallenge } from './withoutChallenge.ts';

/** How the origin is asked where it may demand something first. */
export interface Handshake {
  /**
   * Sends a request to the origin, with what the origin demands.
   * @param target path and query below the origin's base URL
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  send(ctx: RequestContext, target: string, request: Exchange, sendOnce: SendOnce): Promise<OriginResponse>;
}

/** For origins that judge the caller: the challenge is the caller's. */
export const NO_HANDSHAKE: Handshake = { send: (_ctx, _target, request, sendOnce) => sendOnce(request) };

/**
 * Creates the handshake of a mirror, which asks as nobody or with an account of its own. Registries such as Docker Hub
 * demand a token for public content, too, and give it to everybody (distribution, "Token Authentication
 * Specification"). The scope is built from the repository that is asked for, and is never more than `pull`.
 *
 * What the origin refuses all the same is refused to everybody, with a 403: its challenge would lead clients to log in,
 * and an open mirror has no use for a login.
 */
export function createHandshake(realms: RealmPolicy, tokens: EdgeTokens, account?: Account): Handshake {
  const demands = createDemands(realms);
  const login = account && createLogin(account);
  return {
    async send(ctx, target, request, sendOnce) {
      const name = isReadMethod(request.method) ? repositoryIn(target) : undefined;
      if (!name) return withoutChallenge(await sendOnce(request));
      const loggedIn = login?.isDemanded(ctx) ? await login.send(ctx, request, sendOnce) : undefined;
      if (loggedIn) return loggedIn;
      // Without a token that is known to help, the origin decides: it may demand none in this repository.
      const expected = requestFor(name, demands.find(ctx, name));
      const known = expected && (await tokens.get(ctx, expected));
      const token = known?.kind === 'issued' ? known : undefined;
      const first = await sendOnce(token ? withToken(request, token) : request);
      const challenge = challengeIn(first.response);
      const sent = expected && token && { token, request: expected };
      if (!challenge && login?.demands(ctx, first.response)) {
        await first.response.body?.cancel();
        const answer = await login.send(ctx, request, sendOnce);
        if (!answer) throw accountRefused(ctx);
        return answer;
      }
      if (!challenge || !isWorthAnother(challenge, sent, ctx.now())) {
        if (sent && first.response.status < 400) tokens.confirm(sent.request);
        return withoutChallenge(first);
      }
      await first.response.body?.cancel();
      const asked = requestFor(name, demands.note(ctx, name, challenge));
      const other = await tokens.get(ctx, asked, token);
      if (other.kind === 'unknown-account') throw accountRefused(ctx);
      if (other.kind === 'refused') return { response: refusal(), sentAt: first.sentAt };
      if (other.kind !== 'issued') throw noToken();
      const second = await sendOnce(withToken(request, other));
      if (second.response.status < 400) tokens.confirm(asked);
      return withoutChallenge(second);
    },
  };
}

function requestFor(name: RepositoryName, demanded: Demanded): TokenRequest;
function requestFor(name: RepositoryName, demanded: Demanded | undefined): TokenRequest | undefined;
function requestFor(name: RepositoryName, demanded: Demanded | undefined): TokenRequest | undefined {
  return demanded && { realm: demanded.realm, service: demanded.service, scope: `repository:${name}:pull` };
}

function challengeIn({ status, headers }: Response): BearerChallenge | undefined {
  return status === 401 ? parseBearerChallenge(headers.get('www-authenticate')) : undefined;
}

/** Returns the repository that a request asks about: only names that parse are ever asked for. */
export function repositoryIn(target: string): RepositoryName | undefined {
  const route = parseRoute(splitUrl(`http://origin${target}`));
  return 'name' in route ? route.name : undefined;
}

function withToken(request: Exchange, { token }: IssuedToken): Exchange {
  return withAuthorization(request, `Bearer ${token}`);
}

/** The token server did not decide. */
function noToken(): RegistryError {
  return new RegistryError('ORIGIN_UNREACHABLE', {
    message: 'the token server of the origin did not give a token: try again',
    headers: { 'Retry-After': '1' },
  });
}

/** A token younger than this was refused for what it grants: another one would grant the same. */
const SETTLED_MS = 5_000;

interface SentToken {
  readonly token: IssuedToken;
  readonly request: TokenRequest;
}

/**
 * Whether another token may help: none was sent, or it was not the one that the origin demands here, or it may have been
 * revoked since.
 */
function isWorthAnother(challenge: BearerChallenge, sent: SentToken | undefined, nowMs: number): boolean {
  if (!sent || !isFrom(challenge, sent.request)) return true;
  return challenge.error !== 'insufficient_scope' && nowMs - sent.token.since >= SETTLED_MS;
}

/** Whether a token was requested as a challenge says. */
function isFrom({ realm, service }: BearerChallenge, request: TokenRequest): boolean {
  return URL.canParse(realm) && new URL(realm).href === request.realm.href && service === request.service;
}
