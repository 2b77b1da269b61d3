import type { PublicJwk } from './keySet.ts';

/** How tokens are verified at the edge. */
export interface TokenSettings {
  /** Public keys as JSON Web Keys (RFC 7517), from `TOKEN_JWKS`. */
  readonly jwks: readonly PublicJwk[];
  /** Public keys and leaf certificates in PEM, from `TOKEN_PUBLIC_KEYS`. */
  readonly pems: readonly string[];
  /** `TOKEN_JWKS_URL` */
  readonly jwksUrl: URL | undefined;
  readonly issuer: string;
  /** The audience of the tokens: the registry's own name for itself, `service` in its challenge. */
  readonly service: string;
  /** `PULL_ONLY_SUBJECTS`: whether the subject of a token never pushes, and whether there is such a subject. */
  isPullOnly(subject: string): boolean;
  readonly hasPullOnly: boolean;
}

/** A token may have to be tried with each of them. */
export const MAX_KEYS = 10;
