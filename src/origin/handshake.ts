import type { RequestContext } from '../context.ts';
import { type BearerChallenge, parseBearerChallenge } from '../http/challenge.ts';
import { isReadMethod } from '../http/methods.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import { parseRoute, splitUrl } from '../oci/route.ts';
import type { AnonymousTokens, KnownToken } from './anonymousTokens.ts';
import type { Exchange } from './exchange.ts';
import type { TokenRequest } from './fetchToken.ts';
import type { OriginResponse } from './origin.ts';
import { allowedRealm, hostOfRealm, type RealmPolicy } from './realms.ts';

/** Sends one request to the origin. @throws RegistryError ORIGIN_UNREACHABLE */
export type SendOnce = (request: Exchange) => Promise<OriginResponse>;

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

/** An origin that has demanded tokens is taken to demand them, for this long. */
const CHALLENGE_MS = 600_000;
const WARNING_INTERVAL_MS = 60_000;

/**
 * Creates the handshake of an edge that asks as nobody: registries such as Docker Hub demand a token for public content,
 * too, and give it to everybody (distribution, "Token Authentication Specification"). The scope is built from the
 * repository that is asked for, and is never more than `pull`.
 *
 * What the origin refuses all the same is refused to everybody, with a 403: its challenge would lead clients to log in,
 * and an open mirror has no use for a login.
 */
export function createHandshake(realms: RealmPolicy, tokens: AnonymousTokens): Handshake {
  let demanded: { readonly challenge: BearerChallenge; readonly until: number } | undefined;
  let warnedAt = Number.NEGATIVE_INFINITY;

  /** @throws RegistryError ORIGIN_UNREACHABLE: the realm is not allowed */
  function requestFor(ctx: RequestContext, { realm, service }: BearerChallenge, name: RepositoryName): TokenRequest {
    const url = allowedRealm(realm, realms);
    if (url) return { realm: url, service, scope: `repository:${name}:pull` };
    if (ctx.now() - warnedAt >= WARNING_INTERVAL_MS) {
      warnedAt = ctx.now();
      const message = 'the origin names a token realm that is not allowed: if it is right, add it to';
      ctx.log.warn(`${message} TOKEN_REALMS_ALLOWED`, { host: hostOfRealm(realm) });
    }
    throw new RegistryError('ORIGIN_UNREACHABLE', { message: 'the origin demands a token from a realm not allowed' });
  }

  function challengeOf(ctx: RequestContext, { status, headers }: Response): BearerChallenge | undefined {
    const challenge = status === 401 ? parseBearerChallenge(headers.get('www-authenticate')) : undefined;
    if (challenge) demanded = { challenge, until: ctx.now() + CHALLENGE_MS };
    return challenge;
  }

  return {
    async send(ctx, target, request, sendOnce) {
      const name = isReadMethod(request.method) ? repositoryIn(target) : undefined;
      if (!name) return withoutChallenge(await sendOnce(request));
      const expected = demanded && demanded.until > ctx.now() ? requestFor(ctx, demanded.challenge, name) : undefined;
      const token = expected && (await tokens.get(ctx, expected));
      if (token?.kind === 'refused') return { response: refusal(), sentAt: ctx.now() };
      const first = await sendOnce(withToken(request, token));
      const challenge = challengeOf(ctx, first.response);
      if (!challenge || !isWorthAnother(challenge, token, ctx.now())) {
        if (expected && first.response.status < 400) tokens.confirm(expected);
        return withoutChallenge(first);
      }
      await first.response.body?.cancel();
      const asked = requestFor(ctx, challenge, name);
      const other = await tokens.get(ctx, asked, token);
      if (other.kind === 'refused') return { response: refusal(), sentAt: first.sentAt };
      const second = await sendOnce(withToken(request, other));
      if (second.response.status < 400) tokens.confirm(asked);
      return withoutChallenge(second);
    },
  };
}

/** Returns the repository that a request asks about: only names that parse are ever asked for. */
function repositoryIn(target: string): RepositoryName | undefined {
  const route = parseRoute(splitUrl(`http://origin${target}`));
  return 'name' in route ? route.name : undefined;
}

/** @throws RegistryError ORIGIN_UNREACHABLE: the token server did not decide */
function withToken(request: Exchange, token: KnownToken | undefined): Exchange {
  if (!token) return request;
  if (token.kind !== 'issued') {
    const message = 'the token server of the origin did not give a token: try again';
    throw new RegistryError('ORIGIN_UNREACHABLE', { message, headers: { 'Retry-After': '1' } });
  }
  const headers = new Headers(request.headers);
  headers.set('authorization', `Bearer ${token.token}`);
  return { ...request, headers };
}

/** A token younger than this was refused for what it grants: another one would grant the same. */
const SETTLED_MS = 5_000;

/** Whether another token may help: none was sent, or the one that was sent may have been revoked since. */
function isWorthAnother({ error }: BearerChallenge, token: KnownToken | undefined, nowMs: number): boolean {
  if (token?.kind !== 'issued') return true;
  return error !== 'insufficient_scope' && nowMs - token.since >= SETTLED_MS;
}

/** Returns an answer as an open mirror may relay it: nobody is asked to log in. */
async function withoutChallenge(answer: OriginResponse): Promise<OriginResponse> {
  const { response, sentAt } = answer;
  if (response.status === 401) {
    await response.body?.cancel();
    return { response: refusal(response.headers), sentAt };
  }
  if (!response.headers.has('www-authenticate')) return answer;
  const headers = new Headers(response.headers);
  headers.delete('www-authenticate');
  return { response: new Response(response.body, { status: response.status, headers }), sentAt };
}

/** Headers of a challenge that are not those of the refusal in its place. */
const ABOUT_THE_CHALLENGE = ['www-authenticate', 'content-length', 'content-encoding'];

/** What everybody gets in place of a challenge. @param given the origin's headers */
function refusal(given?: Headers): Response {
  const message = 'the origin shows this to nobody who is not logged in, and this mirror asks without a login';
  const error = new RegistryError('DENIED', { message });
  const headers = new Headers(given);
  for (const name of ABOUT_THE_CHALLENGE) headers.delete(name);
  headers.set('content-type', 'application/json');
  return new Response(error.toBody(), { status: error.status, headers });
}
