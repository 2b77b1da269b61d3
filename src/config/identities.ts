import type { IdentitySettings, IdentityUser, IssuerSettings } from '../http/identitySettings.ts';
import { parseClaims } from './claims.ts';
import { readIssuers } from './issuers.ts';
import { BAD_NAME, entries, isEntryName, isObject, shownName } from './objects.ts';
import { parseRights, RIGHTS } from './rights.ts';
import type { Settings } from './settings.ts';

export const IDENTITY_VARIABLES = ['OIDC_ISSUERS', 'OIDC_USERS'] as const;

/** A token is compared with each of them. */
const MAX_USERS = 100;
const EXAMPLE = '{"app":{"issuer":"github","claims":{"repository":"example/app"},"pull":["team/**"]}}';
const FORM = `expected an object of at most ${MAX_USERS} users, such as ${EXAMPLE}`;

/** Reads `OIDC_ISSUERS` and `OIDC_USERS`. Every bad entry is reported. @returns `undefined` if there is no user */
export function readIdentities(settings: Settings): IdentitySettings | undefined {
  const issuers = readIssuers(settings);
  const named = settings.read('OIDC_USERS', entries(MAX_USERS, FORM));
  if (named?.length === 0) return undefined;
  const users = (named ?? []).flatMap(([name, given]) => {
    const report = (problem: string) => settings.report(`OIDC_USERS.${shownName(name)}${problem}`);
    return parseUser(name, given, { issuers, report }) ?? [];
  });
  return { issuers, users };
}

interface Surroundings {
  readonly issuers: readonly IssuerSettings[];
  /** Receives what is bad. */
  report(problem: string): void;
}

function parseUser(name: string, given: unknown, { issuers, report }: Surroundings): IdentityUser | undefined {
  if (!isEntryName(name)) return void report(BAD_NAME);
  if (!isObject(given)) return void report(': expected an object with issuer, claims and pull');
  const { issuer: issuerName, claims: texts, ...members } = given;
  if (Object.keys(members).some((member) => !(RIGHTS as readonly string[]).includes(member))) {
    report(`: expected issuer, claims, ${RIGHTS.join(', ')}, and nothing else`);
  }
  const rights = parseRights(members);
  if (typeof rights === 'string') report(`.${rights}`);
  const issuer = issuers.find((one) => one.name === issuerName);
  if (!issuer) return void report(`.issuer: expected ${namesOf(issuers)}`);
  const claims = parseClaims(texts, issuer.issuer, (problem) => report(`.claims${problem}`));
  return typeof rights === 'string' ? undefined : { issuer: issuer.issuer, claims, ...rights };
}

function namesOf(issuers: readonly IssuerSettings[]): string {
  if (issuers.length === 0) return 'the name of an issuer in OIDC_ISSUERS, where it has to be described';
  return `a name in OIDC_ISSUERS: ${issuers.map(({ name }) => name).join(' or ')}`;
}
