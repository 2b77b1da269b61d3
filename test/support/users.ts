import { sha256 } from './push.ts';

/** What a user may do, as `USERS` says it. */
export interface RightsText {
  readonly pull: readonly string[];
  readonly push?: readonly string[];
  readonly delete?: readonly string[];
  readonly catalog?: boolean;
}

export type Login = { readonly authorization: string };

/** Returns the header of a login. */
export function basic(name: string, password: string): Login {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** Returns the variables of an edge with these users, and how they log in. `anonymous` does not. */
export async function usersWith<N extends string>(
  users: Record<N, RightsText>,
): Promise<{ variables: Record<string, string>; logins: Record<N, Login> }> {
  const entries: Record<string, unknown> = {};
  const logins: Record<string, Login> = {};
  for (const [name, rights] of Object.entries<RightsText>(users)) {
    const token = crypto.randomUUID();
    const secret = (await sha256(token)).slice('sha256:'.length);
    entries[name] = name === 'anonymous' ? rights : { secret, ...rights };
    logins[name] = basic(name, token);
  }
  return { variables: { CLIENT_AUTH: 'basic', USERS: JSON.stringify(entries) }, logins: logins as Record<N, Login> };
}
