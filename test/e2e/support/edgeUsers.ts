import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Rights } from '../../../src/http/userSettings.ts';
import { basic } from './http.ts';
import { PROJECT } from './project.ts';

/** What a user of the edge may do, as `USERS` says it. */
export type GivenRights = Partial<Record<Exclude<keyof Rights, 'catalog'>, readonly string[]> & { catalog: boolean }>;

/** A user of the edge, as operators make it. */
export interface EdgeUser {
  readonly name: string;
  /** What it logs in with. */
  readonly token: string;
  /** `name:token`, for clients that do not read logins. */
  readonly creds: string;
  /** Its HTTP Basic credential. */
  readonly headers: { readonly authorization: string };
  /** Its entry in `USERS`. */
  readonly entry: object;
}

/** Makes a user by `npm run user`, and gives it these rights in addition to those of the printed entry. */
export async function makeUser(name: string, rights: GivenRights): Promise<EdgeUser> {
  const { stdout } = await promisify(execFile)('npm', ['run', 'user', '--', name], { cwd: PROJECT });
  const [, token = ''] = /shown only now: (\S+)$/m.exec(stdout) ?? [];
  const [, printed = '{}'] = /USERS: (\{.+\})$/m.exec(stdout) ?? [];
  const { [name]: entry } = JSON.parse(printed) as Record<string, object>;
  if (!token || !entry) throw new Error(`npm run user printed no token and entry: ${stdout}`);
  return { name, token, creds: `${name}:${token}`, headers: basic(name, token), entry: { ...entry, ...rights } };
}

/** Returns the variables of an edge that knows these users and nobody else. */
export function variablesOf(users: readonly EdgeUser[]): { readonly CLIENT_AUTH: string; readonly USERS: string } {
  const entries = users.map(({ name, entry }) => [name, entry] as const);
  return { CLIENT_AUTH: 'basic', USERS: JSON.stringify(Object.fromEntries(entries)) };
}
