/** A public key (RFC 7517): its type, and the members of that type. */
export interface PublicJwk {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly [member: string]: unknown;
}

const KEY_TYPES = ['RSA', 'EC', 'OKP'];
/** Those of a private key, of a shared secret, and of a private key of a later type (AKP). */
const SECRET_MEMBERS = ['d', 'k', 'priv'];

/**
 * Reads the public keys of a JSON Web Key Set. Keys of types that are not known here are ignored (RFC 7517 §5), since
 * issuers add new ones besides the old.
 * @returns `undefined` if it has no other key, is none, or holds a secret
 */
export function parseKeySet(json: string): readonly PublicJwk[] | undefined {
  try {
    const { keys } = JSON.parse(json) as { keys?: unknown };
    if (!Array.isArray(keys) || !keys.every(isPublicKey)) return undefined;
    const known = keys.filter(({ kty }) => KEY_TYPES.includes(kty));
    return known.length > 0 ? known : undefined;
  } catch {
    return undefined;
  }
}

function isPublicKey(key: unknown): key is PublicJwk {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, ...members } = key as PublicJwk;
  return typeof kty === 'string' && SECRET_MEMBERS.every((member) => members[member] === undefined);
}
