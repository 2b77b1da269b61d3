import type { RequestContext } from '../context.ts';
import { isReadMethod } from '../http/methods.ts';
import type { Account } from './account.ts';
import { createBodySender } from './bodySender.ts';
import { challengeIn, isWorthAnother } from './challenged.ts';
import { createDemands, requestFor } from './demands.ts';
import type { EdgeTokens } from './edgeTokens.ts';
import { type Exchange, isRepeatable, type SendOnce, sendingBodyOnce } from './exchange.ts';
import { accountRefused, createLogin, issued, withToken } from './login.ts';
import type { OriginResponse } from './origin.ts';
import type { RealmPolicy } from './realms.ts';
import { type Scope, scopeOf } from './scope.ts';
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
 * Creates the handshake of an edge that asks as nobody or with an account of its own. Registries such as Docker Hub
 * demand a token for public content, too, and give it to everybody (distribution, "Token Authentication
 * Specification"). The scope is built from what is asked for, and is never more: only an account writes.
 *
 * What the origin refuses all the same is refused to everybody, with a 403: its challenge would lead clients to log in,
 * where no login of theirs counts.
 */
export function createHandshake(realms: RealmPolicy, tokens: EdgeTokens, account?: Account): Handshake {
  const demands = createDemands(realms);
  const login = account && createLogin(account);
  const bodies = account && login && createBodySender({ demands, tokens, account, login });

  /** Returns what a request needs; as nobody, only content is asked for with a token. */
  function neededScope(method: string, target: string): Scope | undefined {
    const scope = account || isReadMethod(method) ? scopeOf(method, target) : undefined;
    return account || scope?.name ? scope : undefined;
  }

  return {
    async send(ctx, target, request, exchangeOnce) {
      const scope = neededScope(request.method, target);
      if (!scope) return withoutChallenge(await exchangeOnce(request));
      if (bodies && !isRepeatable(request)) return bodies.send(ctx, scope, request, exchangeOnce);
      const sendOnce = sendingBodyOnce(exchangeOnce);
      const loggedIn = login?.isDemanded(ctx) ? await login.send(ctx, request, sendOnce) : undefined;
      if (loggedIn) return loggedIn;
      // Without a token that is known to help, the origin decides: it may demand none in this repository.
      const demanded = demands.find(ctx, scope.name);
      const expected = demanded && requestFor(scope.text, demanded);
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
      const asked = requestFor(scope.text, demands.note(ctx, scope.name, challenge));
      const other = issued(ctx, await tokens.get(ctx, asked, token));
      if (!other) return { response: refusal(), sentAt: first.sentAt };
      const second = await sendOnce(withToken(request, other));
      if (second.response.status < 400) tokens.confirm(asked);
      return withoutChallenge(second);
    },
  };
}
