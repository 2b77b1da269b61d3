import type { RequestContext } from '../context.ts';
import type { Budget } from '../http/body/budget.ts';
import { createCredits } from '../isolate/credits.ts';
import type { Memory } from '../isolate/memory.ts';
import { createSharedWork } from '../isolate/sharedWork.ts';
import type { Account } from './account.ts';
import { fetchToken, type TokenAnswer, type TokenRequest } from './fetchToken.ts';

export interface IssuedToken {
  readonly kind: 'issued';
  readonly token: string;
  /** When it was asked for (epoch ms). */
  readonly since: number;
}

/**
 * What is known of the token for a scope. `unknown-account`: the token server does not know the edge's account.
 * `failed`: it did not decide, or must not be asked now.
 */
export type KnownToken = IssuedToken | { readonly kind: 'refused' | 'unknown-account' | 'failed' };

/** The tokens that token servers give to the edge itself, as long as they live: one question for each scope. */
export interface EdgeTokens {
  /**
   * Returns the token for a scope, and asks for it if none is known.
   * @param unless a token that did not do
   */
  get(ctx: RequestContext, request: TokenRequest, unless?: KnownToken): Promise<KnownToken>;
  /** Records that the origin accepted the token: the scope is one of those that people pull. */
  confirm(request: TokenRequest): void;
}

export interface TokensOptions {
  readonly memory: Memory;
  readonly bodies: Budget;
  readonly timeoutMs: number;
  /** The account in whose name tokens are asked for; `undefined`: in nobody's. */
  readonly account?: Account | undefined;
}

/**
 * How many scopes may be tried before the origin accepts one, and how many more a second. Whoever asks an open mirror
 * for unknown repositories makes it ask the token server, too.
 */
const [MAX_TRIALS, TRIALS_PER_SECOND] = [100, 1];
const REFUSAL_MS = 5_000;
const FAILURE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
const FAILED: KnownToken = { kind: 'failed' };

export function createEdgeTokens({ memory, bodies, timeoutMs, account }: TokensOptions): EdgeTokens {
  // What nobody gets is kept apart from what the account gets.
  const kind = account ? 'account-token' : 'token';
  const known = memory.part<KnownToken>(kind);
  /** Scopes for which no token was given a moment ago. They are apart, because an older token may still be good. */
  const failures = memory.part<KnownToken>(`${kind}-failure`);
  const sharedWork = createSharedWork<KnownToken>();
  const trials = createCredits(MAX_TRIALS, TRIALS_PER_SECOND);
  /** Until when (epoch ms) each token server asked to be left alone. */
  const pauses = memory.part<{ readonly until: number }>(`${kind}-pause`);

  function store(key: string, token: KnownToken, until: number): KnownToken {
    known.set(key, token, until, token.kind === 'issued' ? 2 * token.token.length : 0);
    return token;
  }

  async function ask(
    ctx: RequestContext,
    request: TokenRequest,
    authorization: string | undefined,
  ): Promise<TokenAnswer> {
    const answer = await fetchToken(ctx, { ...request, authorization }, { bodies, timeoutMs });
    if (!account || answer.kind !== 'refused' || answer.status !== 401) return answer;
    // A password that expires may have done so.
    const other = await account.authorization(ctx, authorization);
    if (other === authorization) return answer;
    return fetchToken(ctx, { ...request, authorization: other }, { bodies, timeoutMs });
  }

  async function fetchAndStore(ctx: RequestContext, key: string, request: TokenRequest): Promise<KnownToken> {
    const since = ctx.now();
    const { host } = request.realm;
    if (pauses.get(host, since)) return FAILED;
    // An account that cannot be renewed costs no trial.
    const authorization = await account?.authorization(ctx);
    if (!trials.take(key, since)) return FAILED;
    const answer = await ask(ctx, request, authorization);
    if (answer.kind === 'issued') {
      // The token server may have counted its life from the moment in which it got the request.
      return store(key, { kind: 'issued', token: answer.token, since }, since + answer.lifeMs);
    }
    if (answer.kind === 'refused') {
      const kind = account && answer.status === 401 ? 'unknown-account' : 'refused';
      return store(key, { kind }, ctx.now() + REFUSAL_MS);
    }
    const until = ctx.now() + Math.min(answer.retryMs, MAX_PAUSE_MS);
    if (answer.retryMs > 0) pauses.set(host, { until }, until, 0);
    failures.set(key, FAILED, ctx.now() + FAILURE_MS, 0);
    return FAILED;
  }

  return {
    async get(ctx, request, unless) {
      const key = keyOf(request);
      const token = known.get(key, ctx.now());
      if (token && token !== unless) return token;
      return failures.get(key, ctx.now()) ?? sharedWork(ctx, key, () => fetchAndStore(ctx, key, request));
    },
    confirm: (request) => trials.giveBack(keyOf(request)),
  };
}

/** Spaces separate the parts: a URL and a scope have none, and the service is in the middle. */
function keyOf({ realm, service, scope }: TokenRequest): string {
  return `${realm.href} ${service ?? ''} ${scope}`;
}
