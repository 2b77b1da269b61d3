import type { AccountSettings, EcrSettings, GoogleSettings, PasswordSettings } from '../http/accountSettings.ts';
import { isLoopbackHost } from '../http/hosts.ts';
import type { Patterns } from '../oci/patterns.ts';
import { oneOf, oneOfOrNone, patterns, variable } from './forms.ts';
import type { Settings } from './settings.ts';

/** The variables of the account and of what it is lent for; those of one registry are no other's. */
export const ACCOUNT_VARIABLES = [
  'ORIGIN_ACCOUNT',
  'ORIGIN_USERNAME',
  'ORIGIN_PASSWORD',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_REGION',
  'AWS_ENDPOINT_URL',
  'GOOGLE_SERVICE_ACCOUNT',
  'LEND_ACCOUNT',
  'ALLOW_REPOSITORIES',
] as const;

/** Those that have no effect without `ORIGIN_ACCOUNT`. */
export const ONLY_WITH_ACCOUNT = ACCOUNT_VARIABLES.slice(1, -1);

export interface AccountConfig {
  readonly account: AccountSettings | undefined;
  /** `ALLOW_REPOSITORIES`; `undefined`: all that the origin shows. */
  readonly allowed: Patterns | undefined;
}

/** What else the configuration says that concerns an account. */
interface Surroundings {
  readonly clientAuth: string | undefined;
  /** `TOKEN_REALMS_ALLOWED` */
  readonly tokenRealms: readonly string[];
}

/** Reads the account, and which repositories may be asked for. What is bad is reported. */
export function readAccount(settings: Settings, { clientAuth, tokenRealms }: Surroundings): AccountConfig {
  const kind = settings.read('ORIGIN_ACCOUNT', oneOfOrNone(['password', 'ecr', 'google']));
  const lentFor = settings.read('LEND_ACCOUNT', oneOf('all', ['all', 'public'])) ?? 'all';
  const read = settings.read('ALLOW_REPOSITORIES', patterns('team/*,!team/secret'));
  const allowed = read?.isEmpty ? undefined : read;
  if (!kind) return { account: undefined, allowed };
  if (clientAuth === 'origin') {
    settings.report('ORIGIN_ACCOUNT: requires CLIENT_AUTH=basic or anonymous: with origin, callers have their own');
  }
  if (!allowed) settings.report('ALLOW_REPOSITORIES: expected the repositories for which ORIGIN_ACCOUNT is lent');
  else if (allowed.isUnbounded && lentFor === 'all') {
    const shown = 'a pattern of wildcards alone would show everybody all that the account may see';
    settings.report(`ALLOW_REPOSITORIES: ${shown}: name the repositories, or set LEND_ACCOUNT=public`);
  }
  const own =
    kind === 'google' ? readGoogle(settings, tokenRealms) : kind === 'ecr' ? readEcr(settings) : readPassword(settings);
  return { account: { ...own, lentFor }, allowed };
}

type Named<S> = S & { readonly name: string };

function readPassword(settings: Settings): Named<PasswordSettings> {
  return {
    kind: 'password',
    name: settings.read('ORIGIN_USERNAME', text('the name of the account, without a colon', /^[^:\p{Cc}]+$/u)) ?? '',
    password: settings.read('ORIGIN_PASSWORD', text('the password of the account', /^\P{Cc}+$/u)) ?? '',
  };
}

function readEcr(settings: Settings): Named<EcrSettings> {
  return {
    kind: 'ecr',
    name: settings.read('AWS_ACCESS_KEY_ID', text('the id of the access key', /^\w+$/)) ?? '',
    secretAccessKey: settings.read('AWS_SECRET_ACCESS_KEY', text('the secret access key', /^[!-~]+$/)) ?? '',
    region: settings.read('AWS_REGION', text('the region, such as eu-central-1', /^[a-z]{2,}(?:-[a-z0-9]+)+$/)) ?? '',
    endpoint: settings.read('AWS_ENDPOINT_URL', endpoint())?.url,
  };
}

/** Only the token server of Google gets the assertion, or one that the operator names. */
function readGoogle(settings: Settings, tokenRealms: readonly string[]): Named<GoogleSettings> {
  const expected = 'expected the JSON key of a service account, with client_email, private_key and token_uri';
  const isAllowed = ({ protocol, hostname, host }: URL) =>
    (protocol === 'https:' || isLoopbackHost(hostname)) && (host === GOOGLE_TOKENS || tokenRealms.includes(host));
  const key = settings.read(
    'GOOGLE_SERVICE_ACCOUNT',
    variable('', `${expected}, the host of which is ${GOOGLE_TOKENS} or in TOKEN_REALMS_ALLOWED`, (value) => {
      const { client_email, private_key, token_uri } = parseObject(value);
      if (typeof client_email !== 'string' || typeof private_key !== 'string') return undefined;
      const tokenUri = URL.canParse(String(token_uri)) ? new URL(String(token_uri)) : undefined;
      const isKey = private_key.includes('-----BEGIN PRIVATE KEY-----');
      return tokenUri && isAllowed(tokenUri) && isKey
        ? { name: client_email, privateKey: private_key, tokenUri }
        : undefined;
    }),
  );
  return { kind: 'google', name: '', privateKey: '', tokenUri: new URL(`https://${GOOGLE_TOKENS}`), ...key };
}

const GOOGLE_TOKENS = 'oauth2.googleapis.com';

function parseObject(json: string): Record<string, unknown> {
  try {
    return (JSON.parse(json) as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}

function text(what: string, form: RegExp) {
  return variable('', `expected ${what}, since ORIGIN_ACCOUNT is set; at most 1024 characters`, (value) =>
    value.length <= 1_024 && form.test(value) ? value : undefined,
  );
}

function endpoint() {
  return variable('', 'expected the https URL of the service that gives the password', (value) => {
    if (value === '') return { url: undefined };
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url && (url.protocol === 'https:' || isLoopbackHost(url.hostname)) ? { url } : undefined;
  });
}
