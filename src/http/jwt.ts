import {
  type CryptoKey,
  importJWK,
  importPKCS8,
  importSPKI,
  importX509,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import type { PublicJwk } from './keySet.ts';

/** Only asymmetric ones: with a secret, whoever verifies tokens could issue them as well (RFC 8725 §3.1). */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** By how much the clock of the issuer may differ, in seconds. */
const LEEWAY_SECONDS = 60;

/** A public key, as it is configured or fetched. */
export type PublicKey = { readonly jwk: PublicJwk } | { readonly pem: string };

/** What a token has to say, and when it is verified (epoch ms). */
export interface Expected {
  readonly issuer: string;
  readonly audience: string;
  readonly nowMs: number;
}

/**
 * Verifies a token with each of the keys that may fit. The key is never one that the token itself names or holds
 * (`jku`, `jwk`, `x5c`). A `kid` that a key has is preferred, and any other is ignored: the token servers of
 * `distribution` write fingerprints that no key set has.
 * @param header the token's header, not verified
 * @returns the claims; `undefined` if no key verifies the token, or it is not for this registry, or not valid now
 */
export async function verifyJwt(
  token: string,
  header: { readonly alg: string; readonly kid?: string | undefined },
  keys: readonly PublicKey[],
  expected: Expected,
): Promise<JWTPayload | undefined> {
  if (!ALGORITHMS.includes(header.alg)) return undefined;
  const named = keys.filter((key) => 'jwk' in key && header.kid !== undefined && key.jwk.kid === header.kid);
  for (const key of named.length > 0 ? named : keys) {
    const imported = await importKey(key, header.alg);
    const claims = imported && (await verifyWith(token, imported, expected));
    if (claims) return claims;
  }
  return undefined;
}

/** @returns `undefined` if the key is not one of the algorithm */
async function importKey(key: PublicKey, algorithm: string): Promise<CryptoKey | Uint8Array | undefined> {
  try {
    if ('jwk' in key) {
      const { alg } = key.jwk;
      return alg === undefined || alg === algorithm ? await importJWK(key.jwk as JWK, algorithm) : undefined;
    }
    const isCertificate = key.pem.includes('CERTIFICATE');
    return await (isCertificate ? importX509(key.pem, algorithm) : importSPKI(key.pem, algorithm));
  } catch {
    return undefined;
  }
}

async function verifyWith(
  token: string,
  key: CryptoKey | Uint8Array,
  { issuer, audience, nowMs }: Expected,
): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(token, key, {
      ...{ issuer, audience, algorithms: ALGORITHMS, requiredClaims: ['exp'] },
      ...{ clockTolerance: LEEWAY_SECONDS, currentDate: new Date(nowMs) },
    });
    return payload;
  } catch (error) {
    if (isRejection(error)) return undefined;
    throw error;
  }
}

/** Whether the library rejected the token or the key. Its classes of errors would be a third module in the bundle. */
function isRejection(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && 'code' in error && /^ERR_J/.test(String(error.code)));
}

/** Signs claims by RS256. @param pem the private key, in PKCS #8 @throws Error the key is none */
export async function signJwt(claims: JWTPayload, pem: string): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT' }).sign(await importPKCS8(pem, 'RS256'));
}
