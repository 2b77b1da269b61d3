import type { RequestContext } from '../context.ts';
import { hasBasicChallenge, parseBearerChallenge } from '../http/challenge.ts';
import { RegistryError } from '../oci/errors.ts';
import type { Account } from './account.ts';
import type { IssuedToken, KnownToken } from './edgeTokens.ts';
import type { Exchange, SendOnce } from './exchange.ts';
import type { OriginResponse } from './origin.ts';
import { withoutChallenge } from './withoutChallenge.ts';

/** How the edge logs in to an origin that demands HTTP Basic. */
export interface Login {
  /** Whether the origin has demanded it lately. */
  isDemanded(ctx: RequestContext): boolean;
  /** Takes it that the origin demands it, until it says otherwise. */
  assume(ctx: RequestContext): void;
  /** Takes it that the origin does not demand it, until it does. */
  forget(): void;
  /** Whether this answer demands it, which is remembered. */
  demands(ctx: RequestContext, answer: Response): boolean;
  /**
   * Sends a request with the account.
   * @returns `undefined`: the origin demands a token in place of a login
   * @throws RegistryError ORIGIN_UNREACHABLE: the origin refuses the account
   */
  send(ctx: RequestContext, request: Exchange, sendOnce: SendOnce): Promise<OriginResponse | undefined>;
}

/** An origin that has demanded a login is taken to demand it, for this long. */
const DEMAND_MS = 600_000;

export function createLogin(account: Account): Login {
  let demandedUntil = 0;
  const assume = (ctx: RequestContext) => {
    demandedUntil = ctx.now() + DEMAND_MS;
  };
  return {
    isDemanded: (ctx) => demandedUntil > ctx.now(),
    assume,
    forget: () => {
      demandedUntil = 0;
    },
    demands(ctx, { status, headers }) {
      if (status !== 401 || !hasBasicChallenge(headers.get('www-authenticate'))) return false;
      assume(ctx);
      return true;
    },
    async send(ctx, request, sendOnce) {
      const authorization = await account.authorization(ctx);
      const first = await sendOnce(withAuthorization(request, authorization));
      if (first.response.status !== 401) return withoutChallenge(first);
      await first.response.body?.cancel();
      const demanded = first.response.headers.get('www-authenticate');
      if (!hasBasicChallenge(demanded) && parseBearerChallenge(demanded)) {
        // It may demand a login in some repositories only, or not any more.
        demandedUntil = 0;
        return undefined;
      }
      // A password that expires may have done so.
      const other = await account.authorization(ctx, authorization);
      if (other === authorization) throw accountRefused(ctx);
      const second = await sendOnce(withAuthorization(request, other));
      if (second.response.status !== 401) return withoutChallenge(second);
      await second.response.body?.cancel();
      throw accountRefused(ctx);
    },
  };
}

export function withAuthorization(request: Exchange, authorization: string): Exchange {
  const headers = new Headers(request.headers);
  headers.set('authorization', authorization);
  return { ...request, headers };
}

/**
 * Returns the token that was given.
 * @returns `undefined`: this scope is refused
 * @throws RegistryError ORIGIN_UNREACHABLE: the token server did not decide, or does not know the account
 */
export function issued(ctx: RequestContext, known: KnownToken): IssuedToken | undefined {
  switch (known.kind) {
    case 'issued':
      return known;
    case 'refused':
      return undefined;
    case 'unknown-account':
      throw accountRefused(ctx);
    case 'failed':
      throw new RegistryError('ORIGIN_UNREACHABLE', {
        message: 'the token server of the origin did not give a token: try again',
        headers: { 'Retry-After': '1' },
      });
  }
}

export function withToken(request: Exchange, { token }: IssuedToken): Exchange {
  return withAuthorization(request, `Bearer ${token}`);
}

/** The caller cannot help it, so it gets no challenge: it would send a password of its own. */
export function accountRefused(ctx: RequestContext): RegistryError {
  ctx.log.error("the origin refuses the edge's account: check the variables of ORIGIN_ACCOUNT");
  return new RegistryError('ORIGIN_UNREACHABLE', { message: 'the origin refuses the account of this edge' });
}
