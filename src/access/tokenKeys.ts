import type { RequestContext } from '../context.ts';
import type { PublicKey } from '../http/jwt.ts';
import { parseKeySet } from '../http/keySet.ts';
import { MAX_KEYS, type TokenSettings } from '../http/tokenSettings.ts';
import { errorName } from '../telemetry/log.ts';
import { fetchDocument } from './fetchDocument.ts';

/** A key set is fetched again after this time, and a request waits for that only where it is twice as old. */
const MAX_AGE_MS = 10 * 60_000;
/** For a key that is not known it is fetched earlier, but never twice within this time, since such keys may not exist. */
const RETRY_MS = 30_000;

/** The public keys of whoever issues the tokens. */
export interface TokenKeys {
  /** Returns the keys that are known. If the key set is due, it is fetched: after the reply, unless it is long due. */
  current(ctx: RequestContext): Promise<readonly PublicKey[]>;
  /** Fetches the key set anew, unless that was tried a moment ago. @returns the keys; `undefined`: nothing is new */
  refreshed(ctx: RequestContext): Promise<readonly PublicKey[] | undefined>;
}

/** Where keys come from. */
export interface KeySource {
  readonly configured: readonly PublicKey[];
  /** Finds the key set; `undefined`: there is none to be fetched. @throws Error it was not found */
  readonly findUrl: ((ctx: RequestContext) => Promise<URL>) | undefined;
  /** The variable that says where it is. */
  readonly variable: string;
}

/** Returns where the keys of registries' tokens come from. */
export function keySourceOf({ jwks, pems, jwksUrl }: TokenSettings): KeySource {
  return {
    configured: [...jwks.map((jwk) => ({ jwk })), ...pems.map((pem) => ({ pem }))],
    findUrl: jwksUrl && (async () => jwksUrl),
    variable: 'TOKEN_JWKS_URL',
  };
}

export function createTokenKeys({ configured, findUrl, variable }: KeySource): TokenKeys {
  let fetched: readonly PublicKey[] = [];
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;

  /** Requests cannot wait for each other's fetches, so others go on with what is known meanwhile. */
  async function refresh(ctx: RequestContext, find: NonNullable<typeof findUrl>): Promise<boolean> {
    triedAt = ctx.now();
    try {
      fetched = await fetchKeys(await find(ctx));
      fetchedAt = ctx.now();
      return true;
    } catch (error) {
      ctx.log.warn(`${variable}: the keys could not be fetched`, { error: errorName(error) });
      return false;
    }
  }

  const mayTry = (ctx: RequestContext) => ctx.now() - triedAt >= RETRY_MS;
  return {
    async current(ctx) {
      const ageMs = ctx.now() - fetchedAt;
      if (findUrl && ageMs >= MAX_AGE_MS && mayTry(ctx)) {
        const refreshing = refresh(ctx, findUrl);
        if (ageMs >= 2 * MAX_AGE_MS) await refreshing;
        else ctx.waitUntil(refreshing);
      }
      return [...configured, ...fetched];
    },
    async refreshed(ctx) {
      if (!findUrl || !mayTry(ctx) || !(await refresh(ctx, findUrl))) return undefined;
      return [...configured, ...fetched];
    },
  };
}

/** @throws Error the key set could not be fetched, is too large, or is none */
async function fetchKeys(url: URL): Promise<readonly PublicKey[]> {
  const keys = parseKeySet(await fetchDocument(url));
  if (!keys) throw new Error('no key set');
  return keys.slice(0, MAX_KEYS).map((jwk) => ({ jwk }));
}
