import type { RequestContext } from '../context.ts';
import type { PublicKey } from '../http/jwt.ts';
import { parseKeySet } from '../http/keySet.ts';
import { MAX_KEYS, type TokenSettings } from '../http/tokenSettings.ts';
import { errorName } from '../telemetry/log.ts';

/** A key set is fetched again after this time, and a request waits for that only where it is twice as old. */
const MAX_AGE_MS = 10 * 60_000;
/** For a key that is not known it is fetched earlier, but never twice within this time, since such keys may not exist. */
const RETRY_MS = 30_000;
const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 64 * 1024;

/** The public keys of whoever issues the tokens. */
export interface TokenKeys {
  /** Returns the keys that are known. If the key set is due, it is fetched: after the reply, unless it is long due. */
  current(ctx: RequestContext): Promise<readonly PublicKey[]>;
  /** Fetches the key set anew, unless that was tried a moment ago. @returns the keys; `undefined`: nothing is new */
  refreshed(ctx: RequestContext): Promise<readonly PublicKey[] | undefined>;
}

export function createTokenKeys({ jwks, pems, jwksUrl }: TokenSettings): TokenKeys {
  const configured: readonly PublicKey[] = [...jwks.map((jwk) => ({ jwk })), ...pems.map((pem) => ({ pem }))];
  let fetched: readonly PublicKey[] = [];
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;

  /** Requests cannot wait for each other's fetches, so others go on with what is known meanwhile. */
  async function refresh(ctx: RequestContext, url: URL): Promise<boolean> {
    triedAt = ctx.now();
    try {
      fetched = await fetchKeys(url);
      fetchedAt = ctx.now();
      return true;
    } catch (error) {
      ctx.log.warn('TOKEN_JWKS_URL: the keys could not be fetched', { error: errorName(error) });
      return false;
    }
  }

  const mayTry = (ctx: RequestContext) => ctx.now() - triedAt >= RETRY_MS;
  return {
    async current(ctx) {
      const ageMs = ctx.now() - fetchedAt;
      if (jwksUrl && ageMs >= MAX_AGE_MS && mayTry(ctx)) {
        const refreshing = refresh(ctx, jwksUrl);
        if (ageMs >= 2 * MAX_AGE_MS) await refreshing;
        else ctx.waitUntil(refreshing);
      }
      return [...configured, ...fetched];
    },
    async refreshed(ctx) {
      if (!jwksUrl || !mayTry(ctx) || !(await refresh(ctx, jwksUrl))) return undefined;
      return [...configured, ...fetched];
    },
  };
}

/** @throws Error the key set could not be fetched, is too large, or is none */
async function fetchKeys(url: URL): Promise<readonly PublicKey[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    cache: 'no-store',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  const keys = response.status === 200 ? parseKeySet(await readText(response)) : undefined;
  if (response.status !== 200) await response.body?.cancel();
  if (!keys) throw new Error(`no key set: status ${response.status}`);
  return keys.slice(0, MAX_KEYS).map((jwk) => ({ jwk }));
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MAX_BYTES) throw new RangeError('the key set is too large');
  }
  return text;
}
