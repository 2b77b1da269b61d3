import { accessTo, createIssuer, verifying } from '../tokens.ts';
import { basic, usersWith } from '../users.ts';
import { NAMES } from './content.ts';

export type Right = 'pull' | 'push' | 'delete' | 'catalog';

/** Who asks, at an edge that is made for such callers. */
export interface CallerRow {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Who judges: the origin, nobody on an open mirror, or the edge by its list of users. */
  readonly judge: 'origin' | 'nobody' | 'users';
  /** What a user of the edge may do in both repositories; `undefined`: it is no user. */
  readonly rights?: readonly Right[];
  /** Whether it is declared that the caller only pulls. */
  readonly onlyPulls: boolean;
  /** Whether the edge lends its account, without which this origin answers nobody. */
  readonly isLent: boolean;
}

/** What the origin demands where the edge has an account. */
export const ACCOUNT = basic('edge', 'password of the edge').authorization;
const LENT = { ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'edge', ORIGIN_PASSWORD: 'password of the edge' };
const MIRROR = { CLIENT_AUTH: 'anonymous' };
const FAR_FUTURE_SECONDS = 10_000_000_000;

/** The callers of the table. A new kind of caller is a row. @param names the repositories in which they have rights */
export async function makeCallers(names: readonly string[] = Object.values(NAMES)): Promise<readonly CallerRow[]> {
  const issuer = await createIssuer();
  // An account is lent for what is named, so something has to be.
  const lent = { ...LENT, ALLOW_REPOSITORIES: names.join() };
  const access = names.flatMap((name) => accessTo(name, ['pull', 'push', 'delete']).access);
  const token = async (sub: string) => ({
    authorization: `Bearer ${await issuer.issue({ sub, access, exp: FAR_FUTURE_SECONDS })}`,
  });
  const { variables, logins } = await usersWith({
    puller: { pull: names },
    pusher: { pull: names, push: names, delete: names, catalog: true },
  });
  const ofOrigin = { judge: 'origin', onlyPulls: false, isLent: false } as const;
  const all: Right[] = ['pull', 'push', 'delete', 'catalog'];
  return [
    { name: 'everybody on an open mirror', ...{ variables: MIRROR, headers: {}, judge: 'nobody' }, ...reads(false) },
    {
      ...{ name: 'everybody on a mirror with an account', variables: { ...MIRROR, ...lent }, headers: {} },
      ...{ judge: 'nobody', ...reads(true) },
    },
    { ...ofOrigin, name: 'a caller of the origin', variables: {}, headers: basic('alice', 'x') },
    { ...ofOrigin, name: 'a caller of the origin without a credential', variables: {}, headers: {} },
    { ...ofOrigin, name: 'a caller with a token', variables: verifying(issuer), headers: await token('alice') },
    {
      ...{ ...ofOrigin, name: 'a subject that only pulls', onlyPulls: true, headers: await token('robot') },
      variables: verifying(issuer, { PULL_ONLY_SUBJECTS: 'rob*' }),
    },
    {
      name: 'a user who pulls',
      ...{ variables, headers: logins.puller, judge: 'users' },
      rights: ['pull'],
      ...reads(false),
    },
    {
      ...{ name: 'a user who pushes', variables, headers: logins.pusher, judge: 'users', rights: all },
      ...{ onlyPulls: false, isLent: false },
    },
    {
      ...{ name: 'a user who pushes with an account', variables: { ...variables, ...lent } },
      ...{ headers: logins.pusher, judge: 'users', rights: all, onlyPulls: false, isLent: true },
    },
    { name: 'nobody among users', ...{ variables, headers: {}, judge: 'users' }, rights: [], ...reads(false) },
  ];
}

const reads = (isLent: boolean) => ({ onlyPulls: true, isLent });
