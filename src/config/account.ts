import type { Patterns } from '../oci/patterns.ts';
import { oneOf, oneOfOrNone, patterns, variable } from './forms.ts';
import type { Settings } from './settings.ts';

/** The edge's own account at the origin. */
export interface AccountSettings {
  readonly name: string;
  readonly password: string;
  /** `LEND_ACCOUNT` */
  readonly lentFor: 'all' | 'public';
}

/** The variables of the account and of what it is lent for; those of one registry are no other's. */
export const ACCOUNT_VARIABLES = [
  'ORIGIN_ACCOUNT',
  'ORIGIN_USERNAME',
  'ORIGIN_PASSWORD',
  'LEND_ACCOUNT',
  'ALLOW_REPOSITORIES',
] as const;

export interface AccountConfig {
  readonly account: AccountSettings | undefined;
  /** `ALLOW_REPOSITORIES`; `undefined`: all that the origin shows. */
  readonly allowed: Patterns | undefined;
}

/** Reads the account, and which repositories may be asked for. What is bad is reported. */
export function readAccount(settings: Settings, clientAuth: 'origin' | 'anonymous' | undefined): AccountConfig {
  const kind = settings.read('ORIGIN_ACCOUNT', oneOfOrNone(['password']));
  const name = settings.read('ORIGIN_USERNAME', part('the name of the account, without a colon', /^[^:\p{Cc}]*$/u));
  const password = settings.read('ORIGIN_PASSWORD', part('the password of the account', /^\P{Cc}*$/u));
  const lentFor = settings.read('LEND_ACCOUNT', oneOf('all', ['all', 'public'])) ?? 'all';
  const read = settings.read('ALLOW_REPOSITORIES', patterns('team/*,!team/secret'));
  const allowed = read?.isEmpty ? undefined : read;
  if (!kind) return { account: undefined, allowed };
  if (clientAuth === 'origin') {
    settings.report('ORIGIN_ACCOUNT: requires CLIENT_AUTH=anonymous: with origin, callers have accounts of their own');
  }
  if (!name) settings.report('ORIGIN_USERNAME: expected the name of the account, since ORIGIN_ACCOUNT is set');
  if (!password) settings.report('ORIGIN_PASSWORD: expected the password of the account, since ORIGIN_ACCOUNT is set');
  if (!allowed) settings.report('ALLOW_REPOSITORIES: expected the repositories for which ORIGIN_ACCOUNT is lent');
  else if (allowed.isUnbounded && lentFor === 'all') {
    const shown = 'a pattern of wildcards alone would show everybody all that the account may see';
    settings.report(`ALLOW_REPOSITORIES: ${shown}: name the repositories, or set LEND_ACCOUNT=public`);
  }
  return { account: { name: name ?? '', password: password ?? '', lentFor }, allowed };
}

function part(what: string, form: RegExp) {
  return variable('', `expected ${what}, of at most 1024 characters`, (value) =>
    value.length <= 1_024 && form.test(value) ? value : undefined,
  );
}
