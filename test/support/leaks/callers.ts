import type { Login, RightsText } from '../users.ts';
import { STRANGE_JOBS } from './jobs.ts';

/** The repositories of a world, by what they are to the callers. */
export const PLACES = ['mine', 'foreign', 'secret'] as const;
export type Place = (typeof PLACES)[number];

/** What each user may do where. Nobody has a right in `secret`, which only the edge's account may pull. */
export const USERS = {
  reader: { mine: ['pull'], foreign: [] },
  pusher: { mine: ['pull', 'push'], foreign: [] },
  remover: { mine: ['pull', 'delete'], foreign: [] },
  lister: { mine: ['pull', 'catalog'], foreign: [] },
  neighbour: { mine: [], foreign: ['pull', 'push', 'delete'] },
  job: { mine: ['pull', 'push'], foreign: [] },
} as const satisfies Record<string, Record<Exclude<Place, 'secret'>, readonly string[]>>;
export type User = keyof typeof USERS;

/** Those who are none of the users. */
const ALMOST_USERS = ['nobody', 'wrong', 'mixed', 'unknown', 'expired', 'garbage'] as const;
export const STRANGERS = [...ALMOST_USERS, ...STRANGE_JOBS] as const;
export type Caller = User | (typeof STRANGERS)[number];
export const CALLERS: readonly Caller[] = [...(Object.keys(USERS) as User[]), ...STRANGERS];

/** Whether a caller is a user with this right in a place. This is the table that the edge is held against. */
export function hasRight(caller: Caller, right: string, place: Place): boolean {
  if (!(caller in USERS)) return false;
  const rights: Partial<Record<Place, readonly string[]>> = USERS[caller as User];
  return rights[place]?.includes(right) === true;
}

/** Returns the rights of a user as `USERS` has them. @param names the repositories' names */
export function rightsOf(user: User, names: Record<Place, string>): RightsText {
  const where = (right: string) => PLACES.filter((place) => hasRight(user, right, place)).map((place) => names[place]);
  return { pull: where('pull'), push: where('push'), delete: where('delete'), catalog: where('catalog').length > 0 };
}

/** Returns the credentials of those who are no users, which resemble those of users in `USERS`. */
export function almostUsers(logins: Record<User, Login>): Record<(typeof ALMOST_USERS)[number], Partial<Login>> {
  const [name = '', token = ''] = atob(logins.pusher.authorization.slice('Basic '.length)).split(':');
  const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });
  return {
    nobody: {},
    wrong: basic(`${name}:${token.slice(0, -1)}`),
    mixed: basic(`reader:${token}`),
    unknown: basic(`unknown:${token}`),
    expired: { authorization: `Bearer ${token}` },
    garbage: { authorization: logins.pusher.authorization.slice(0, -6) },
  };
}
