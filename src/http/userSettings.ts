import type { Patterns } from '../oci/patterns.ts';

/** What proves that somebody is a user. */
export type UserSecret =
  /** The SHA-256 of a random token, in lower-case hex. */
  | { readonly kind: 'sha256'; readonly hash: string }
  /** A line as `htpasswd -B` writes it, without the name. */
  | { readonly kind: 'bcrypt'; readonly line: string };

/** A user of the edge's own (`USERS`). */
export interface User {
  readonly name: string;
  /** The repositories that the user may pull, by their names at the origin. */
  readonly pull: Patterns;
}

export interface UserSettings extends User {
  /** `undefined`: for those who do not log in. */
  readonly secret: UserSecret | undefined;
}
