import type { Patterns } from '../oci/patterns.ts';

/** What proves that somebody is a user. */
export type UserSecret =
  /** The SHA-256 of a random token, in lower-case hex. */
  | { readonly kind: 'sha256'; readonly hash: string }
  /** A line as `htpasswd -B` writes it, without the name. */
  | { readonly kind: 'bcrypt'; readonly line: string };

/** What somebody may do with repositories, by their names at the origin. No right includes another one. */
export interface Rights {
  readonly pull: Patterns;
  readonly push: Patterns;
  readonly delete: Patterns;
  /** Whether the list of repositories may be read, as far as they may be pulled. */
  readonly catalog: boolean;
}

/** A user of the edge's own. */
export interface User extends Rights {
  /** Uploads belong to who has it. */
  readonly name: string;
}

/** A user of `USERS`. */
export interface UserSettings extends User {
  /** `undefined`: for those who do not log in. */
  readonly secret: UserSecret | undefined;
}
