import type { JWTPayload } from 'jose';
import type { RequestContext } from '../context.ts';
import { parseJwt } from './bearer.ts';
import type { TokenKeys } from './tokenKeys.ts';

/** Whose tokens are verified, and what they have to say. */
export interface TokenPolicy {
  readonly keys: TokenKeys;
  readonly issuer: string;
  readonly audience: string;
}

/**
 * Verifies a token with the keys that are known, and once more if others could be fetched.
 * @returns its claims; `undefined`: it is not valid here and now
 */
export async function verifyToken(
  ctx: RequestContext,
  token: string,
  { keys, issuer, audience }: TokenPolicy,
): Promise<JWTPayload | undefined> {
  const { header } = parseJwt(token) ?? {};
  const { alg, kid } = header ?? {};
  if (typeof alg !== 'string') return undefined;
  // The library is a module of its own in the bundle, which only an edge that verifies tokens loads.
  const { verifyJwt } = await import('../http/jwt.ts');
  const named = { alg, kid: typeof kid === 'string' ? kid : undefined };
  const expected = { issuer, audience, nowMs: ctx.now() };
  const claims = await verifyJwt(token, named, await keys.current(ctx), expected);
  if (claims) return claims;
  const newKeys = await keys.refreshed(ctx);
  return newKeys && verifyJwt(token, named, newKeys, expected);
}
