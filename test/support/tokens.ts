import { exportJWK, exportSPKI, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';

export const ISSUER = 'token server';
export const SERVICE = 'registry.test';

/** Someone who issues tokens, as a registry's token server does. */
export interface Issuer {
  /** The public key as a JSON Web Key with a `kid`, and in PEM. */
  readonly jwk: JsonWebKey;
  readonly pem: string;
  /** The key set that holds only this key. */
  readonly jwks: string;
  /** Issues a token. @param claims replace those of a valid token @param header replaces parts of its header */
  issue(claims?: Readonly<Record<string, unknown>>, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

export async function createIssuer(alg = 'ES256', nowMs = Date.now()): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: crypto.randomUUID(), use: 'sig', alg } as JsonWebKey;
  const seconds = Math.floor(nowMs / 1_000);
  return {
    jwk,
    pem: await exportSPKI(publicKey),
    jwks: JSON.stringify({ keys: [jwk] }),
    issue: (claims = {}, header = {}) =>
      new SignJWT({
        iss: ISSUER,
        aud: SERVICE,
        sub: 'alice',
        exp: seconds + 300,
        nbf: seconds,
        jti: crypto.randomUUID(),
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'JWT', kid: (jwk as { kid?: string }).kid ?? '', ...header })
        .sign(privateKey),
  };
}

/** The claim `access` that grants actions in a repository. */
export function accessTo(name: string, actions: readonly string[] = ['pull'], type = 'repository') {
  return { access: [{ type, name, actions }] };
}

/** Variables of an edge that verifies the tokens of this issuer. */
export function verifying({ jwks }: Pick<Issuer, 'jwks'>, variables: Record<string, string> = {}) {
  return { TOKEN_JWKS: jwks, TOKEN_ISSUER: ISSUER, TOKEN_SERVICE: SERVICE, ...variables };
}
