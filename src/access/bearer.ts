const BEARER = /^bearer +/i;

/** Returns the bearer token of an `Authorization` header; `undefined` if that holds another credential. */
export function bearerToken(authorization: string): string | undefined {
  return BEARER.test(authorization) ? authorization.replace(BEARER, '') : undefined;
}

/** A part of a JWT (RFC 7519), not verified: its header or its claims. */
export type Claims = Readonly<Record<string, unknown>>;

/** Reads header and claims of a token, verifying nothing. @returns `undefined` if it is no JWT */
export function parseJwt(token: string): { readonly header: Claims; readonly claims: Claims } | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [header, claims] = parts.map(parsePart);
  return header && claims && { header, claims };
}

function parsePart(part: string): Claims | undefined {
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
