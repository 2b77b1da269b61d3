import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import type { Account } from './account.ts';
import { challengeIn, isWorthAnother, type SentToken } from './challenged.ts';
import { type Demands, requestFor } from './demands.ts';
import type { EdgeTokens } from './edgeTokens.ts';
import type { Exchange, SendOnce } from './exchange.ts';
import { accountRefused, issued, type Login, withAuthorization, withToken } from './login.ts';
import type { OriginResponse } from './origin.ts';
import type { Scope } from './scope.ts';
import { refusal, withoutChallenge } from './withoutChallenge.ts';

/** Sends requests with a body, which can be sent only once, with the edge's account. */
export interface BodySender {
  /**
   * Finds out what the origin demands, and gets it, before the body is sent.
   * @throws RegistryError ORIGIN_UNREACHABLE; UNAVAILABLE: the origin has changed its mind, and the body is gone
   */
  send(ctx: RequestContext, scope: Scope, request: Exchange, sendOnce: SendOnce): Promise<OriginResponse>;
}

export interface BodySenderOptions {
  readonly demands: Demands;
  readonly tokens: EdgeTokens;
  readonly account: Account;
  readonly login: Login;
}

export function createBodySender({ demands, tokens, account, login }: BodySenderOptions): BodySender {
  /** Returns the token that is demanded, if one is; otherwise the account itself logs in. */
  async function expectedToken(ctx: RequestContext, { name, text }: Scope, request: Exchange, sendOnce: SendOnce) {
    const known = () => (login.isDemanded(ctx) ? undefined : demands.find(ctx, name));
    if (!known() && !login.isDemanded(ctx)) await probe(ctx, name, request, sendOnce);
    const demanded = known();
    return demanded && requestFor(text, demanded);
  }

  /** Asks without a body and without the account. An origin that demands nothing then is not harmed by a login. */
  async function probe(ctx: RequestContext, name: Scope['name'], { headers, signal }: Exchange, sendOnce: SendOnce) {
    const asked = new Headers([...headers].filter(([header]) => !header.startsWith('content-')));
    const { response } = await sendOnce({ method: 'HEAD', headers: asked, signal });
    await response.body?.cancel();
    const challenge = challengeIn(response);
    if (challenge) demands.note(ctx, name, challenge);
    else login.assume(ctx);
  }

  /** Returns what the origin said to a token; the next request has another one, or a login, where that may help. */
  async function settle(
    ctx: RequestContext,
    { name, text }: Scope,
    sent: SentToken,
    answer: OriginResponse,
  ): Promise<OriginResponse> {
    if (answer.response.status < 400) tokens.confirm(sent.request);
    const challenge = challengeIn(answer.response);
    const isSettled = challenge ? !isWorthAnother(challenge, sent, ctx.now()) : !login.demands(ctx, answer.response);
    if (isSettled) return withoutChallenge(answer);
    await answer.response.body?.cancel();
    if (challenge) await tokens.get(ctx, requestFor(text, demands.note(ctx, name, challenge)), sent.token);
    throw again();
  }

  return {
    async send(ctx, scope, request, sendOnce) {
      const asked = await expectedToken(ctx, scope, request, sendOnce);
      if (asked) {
        const token = issued(ctx, await tokens.get(ctx, asked));
        if (!token) return { response: refusal(), sentAt: ctx.now() };
        return settle(ctx, scope, { token, request: asked }, await sendOnce(withToken(request, token)));
      }
      const authorization = await account.authorization(ctx);
      const answer = await sendOnce(withAuthorization(request, authorization));
      if (answer.response.status !== 401) return withoutChallenge(answer);
      await answer.response.body?.cancel();
      const challenge = challengeIn(answer.response);
      if (challenge) login.forget();
      if (challenge) demands.note(ctx, scope.name, challenge);
      else if ((await account.authorization(ctx, authorization)) === authorization) throw accountRefused(ctx);
      throw again();
    },
  };
}

/** Clients repeat an upload that fails in this way. */
function again(): RegistryError {
  return new RegistryError('UNAVAILABLE', {
    message: "the origin did not accept the edge's login any more: send the content again",
    headers: { 'Retry-After': '1' },
  });
}
