import type { Patterns } from '../oci/patterns.ts';
import type { Rights } from './userSettings.ts';

/** Who issues identity tokens: an entry of `OIDC_ISSUERS`. */
export interface IssuerSettings {
  /** Its name there. */
  readonly name: string;
  /** The claim `iss` of its tokens; its discovery document is below this URL. */
  readonly issuer: string;
  /** The claim `aud` of tokens for this edge. */
  readonly audience: string;
  /** Where its keys are; `undefined`: its discovery document says so. */
  readonly jwksUrl: URL | undefined;
}

/** Whoever has a token with certain claims: an entry of `OIDC_USERS`. */
export interface IdentityUser extends Rights {
  /** The claim `iss`. */
  readonly issuer: string;
  /** All of them have to match. */
  readonly claims: ReadonlyMap<string, Patterns>;
}

/** Who may log in with an identity token. */
export interface IdentitySettings {
  readonly issuers: readonly IssuerSettings[];
  readonly users: readonly IdentityUser[];
}
