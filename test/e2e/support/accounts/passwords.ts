import { randomUUID } from 'node:crypto';
import { basic } from '../http.ts';

/** Passwords that end. */
export interface Passwords {
  /** All that were given, each with the credential that it makes. */
  readonly given: readonly { readonly password: string; readonly authorization: string; readonly until: number }[];
  /** Gives a new one; those before live on until their end. */
  give(): { readonly password: string; readonly until: number };
  /** Whether somebody is let in with this `Authorization` now. */
  accepts(authorization: string | undefined): boolean;
  /** Ends all that were given, before their time. */
  revoke(): void;
}

/** @param name the user whose passwords they are @param lifeMs how long each of them lives */
export function createPasswords(name: string, lifeMs: number): Passwords {
  const given: { password: string; authorization: string; until: number }[] = [];
  return {
    given,
    give() {
      const password = randomUUID();
      const each = { password, ...basic(name, password), until: Date.now() + lifeMs };
      given.push(each);
      return each;
    },
    accepts: (authorization) => given.some((each) => each.authorization === authorization && each.until > Date.now()),
    revoke() {
      for (const each of given) each.until = 0;
    },
  };
}
