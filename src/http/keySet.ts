/** A public key (RFC 7517): its type, and the members of that type. */
export interface PublicJwk {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly [member: string]: unknown;
}

const KEY_TYPES = ['RSA', 'EC', 'OKP'];

/**
 * Reads the public keys of a JSON Web Key Set (RFC 7517).
 * @returns `undefined` if it is none, or holds a secret
 */
export function parseKeySet(json: string): readonly PublicJwk[] | undefined {
  try {
    const { keys } = JSON.parse(json) as { keys?: unknown };
    return Array.isArray(keys) && keys.length > 0 && keys.every(isPublicKey) ? keys : undefined;
  } catch {
    return undefined;
  }
}

function isPublicKey(key: unknown): key is PublicJwk {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, d, k } = key as PublicJwk;
  return typeof kty === 'string' && KEY_TYPES.includes(kty) && d === undefined && k === undefined;
}
