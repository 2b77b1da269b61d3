import type { RequestContext } from '../context.ts';
import { retryDelayMs } from '../isolate/retryAfter.ts';
import { USER_AGENT } from '../version.ts';
import { type JsonLimits, readJson } from './readJson.ts';

/** What is asked of a token server. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  /** Such as `repository:library/alpine:pull`; several are separated by spaces. Empty: a login alone. */
  readonly scope: string;
  /** The `Authorization` of the edge's own account; absent: as nobody. */
  readonly authorization?: string | undefined;
}

/** What the token server said. `failed`: nothing that decides about the caller. */
export type TokenAnswer =
  | { readonly kind: 'issued'; readonly token: string; readonly lifeMs: number }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'failed'; readonly retryMs: number };

/** Longer than any real token, and short enough for a header. */
const TOKEN = /^[!-~]{1,16384}$/;
/** distribution, "Token Authentication Specification": the time that a token lives if its answer says nothing. */
const DEFAULT_LIFE_MS = 60_000;
const MAX_LIFE_MS = 3_600_000;
/** So long before its end a token is not used any more; at most a tenth of its life. */
const MARGIN_MS = 5_000;
const REFUSALS = new Set([400, 401, 403, 404]);

/**
 * Asks a token server for a token. A redirect is not followed, since only the realm itself was allowed.
 * @returns `failed` also where the server cannot be reached, or sends something else than a token
 */
export async function fetchToken(
  ctx: RequestContext,
  { realm, service, scope, authorization }: TokenRequest,
  limits: JsonLimits,
): Promise<TokenAnswer> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const each of scope.split(' ').filter(Boolean)) url.searchParams.append('scope', each);
  const startedAt = ctx.now();
  const answer = await ask(ctx, url, authorization, limits).catch((): TokenAnswer => ({ kind: 'failed', retryMs: 0 }));
  ctx.emit({ kind: 'token', outcome: answer.kind, ms: ctx.now() - startedAt });
  return answer;
}

async function ask(
  ctx: RequestContext,
  url: URL,
  authorization: string | undefined,
  limits: JsonLimits,
): Promise<TokenAnswer> {
  const response = await fetch(url, {
    headers: {
      ...{ accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': USER_AGENT },
      ...(authorization !== undefined && { authorization }),
    },
    redirect: 'manual',
    cache: 'no-store',
    signal: AbortSignal.timeout(limits.timeoutMs),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    if (REFUSALS.has(response.status)) return { kind: 'refused', status: response.status };
    return { kind: 'failed', retryMs: retryDelayMs(response, ctx.now()) };
  }
  return parseAnswer(await readJson(ctx, response, limits)) ?? { kind: 'failed', retryMs: 0 };
}

function parseAnswer({ token, access_token, expires_in }: Record<string, unknown>): TokenAnswer | undefined {
  const text = token || access_token;
  if (typeof text !== 'string' || !TOKEN.test(text)) return undefined;
  const seconds = typeof expires_in === 'number' && expires_in > 0 ? expires_in : DEFAULT_LIFE_MS / 1_000;
  const lifeMs = Math.min(seconds * 1_000, MAX_LIFE_MS);
  return { kind: 'issued', token: text, lifeMs: lifeMs - Math.min(MARGIN_MS, lifeMs / 10) };
}
