import { timingSafeEqual } from 'hono/utils/buffer';
import type { UserSecret, UserSettings } from '../http/userSettings.ts';
import { fingerprint, hexOf } from '../oci/hash.ts';

/** The users of `USERS`, and their secrets. */
export interface Secrets {
  /** Returns the user who has this name and this secret. */
  verify(name: string, password: string): Promise<UserSettings | undefined>;
  named(name: string): UserSettings | undefined;
}

export function createSecrets(users: readonly UserSettings[]): Secrets {
  const byName = new Map(users.map((user) => [user.name, user]));
  const known = users.flatMap(({ secret }) => secret ?? []);
  return {
    named: (name) => byName.get(name),
    /** Unknown names cost what one of the users costs, always the same one for a name. */
    async verify(name, password) {
      const user = byName.get(name);
      const secret = user?.secret ?? known[fingerprint(name) % known.length];
      return secret && (await isSecret(secret, password)) && user?.secret ? user : undefined;
    },
  };
}

async function isSecret(secret: UserSecret, password: string): Promise<boolean> {
  if (secret.kind === 'bcrypt') {
    // Only an edge with such a user parses the library.
    const { compare } = await import('bcrypt-ts/browser');
    return compare(password, secret.line);
  }
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(password));
  return timingSafeEqual(hexOf(hash), secret.hash);
}
