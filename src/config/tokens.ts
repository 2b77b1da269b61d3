import { isLoopbackHost } from '../http/hosts.ts';
import { type PublicJwk, parseKeySet } from '../http/keySet.ts';
import { MAX_KEYS, type TokenSettings } from '../http/tokenSettings.ts';
import { type Form, patterns, variable } from './forms.ts';
import type { Settings } from './settings.ts';

export const TOKEN_VARIABLES = [
  'TOKEN_JWKS',
  'TOKEN_JWKS_URL',
  'TOKEN_PUBLIC_KEYS',
  'TOKEN_ISSUER',
  'TOKEN_SERVICE',
  'PULL_ONLY_SUBJECTS',
] as const;

const PEM = /-----BEGIN (PUBLIC KEY|CERTIFICATE)-----[A-Za-z0-9+/=\s]+-----END \1-----/g;

/** Reads the settings of tokens. @returns `undefined` if no key is configured: then only the origin judges tokens */
export function readTokens(settings: Settings): TokenSettings | undefined {
  const jwks = settings.read('TOKEN_JWKS', keySet()) ?? [];
  const pems = settings.read('TOKEN_PUBLIC_KEYS', pemKeys()) ?? [];
  const jwksUrl = settings.read('TOKEN_JWKS_URL', optionalUrl())?.url;
  const issuer = settings.read('TOKEN_ISSUER', text('the issuer of the tokens, as their claim iss names it')) ?? '';
  const service = settings.read('TOKEN_SERVICE', text('the audience of the tokens, as the registry names its service'));
  const pullOnly = settings.read('PULL_ONLY_SUBJECTS', patterns('ci-reader,team/*,!team/deployer'));
  if (jwks.length + pems.length === 0 && !jwksUrl) return undefined;
  if (!issuer) settings.report('TOKEN_ISSUER: expected the issuer of the tokens, since a key is configured');
  if (!service) settings.report('TOKEN_SERVICE: expected the audience of the tokens, since a key is configured');
  const isPullOnly = pullOnly?.matches ?? (() => false);
  return { jwks, pems, jwksUrl, issuer, service: service ?? '', isPullOnly, hasPullOnly: pullOnly?.isEmpty === false };
}

function keySet(): Form<readonly PublicJwk[]> {
  const expected = `expected a JSON Web Key Set of at most ${MAX_KEYS} public keys, such as {"keys":[{"kty":"EC",…}]}`;
  return variable('', expected, (value) => {
    if (value === '') return [];
    const keys = parseKeySet(value);
    return keys && keys.length <= MAX_KEYS ? keys : undefined;
  });
}

function pemKeys(): Form<readonly string[]> {
  const expected = `expected at most ${MAX_KEYS} public keys or certificates in PEM, one after the other`;
  return variable('', expected, (value) => {
    const pems = value.match(PEM) ?? [];
    const rest = value.replaceAll(PEM, '').trim();
    return rest === '' && pems.length <= MAX_KEYS ? pems : undefined;
  });
}

function optionalUrl(): Form<{ readonly url: URL | undefined }> {
  const expected = 'expected the https URL of a JSON Web Key Set';
  return variable('', expected, (value) => {
    if (value === '') return { url: undefined };
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
    return url && isSafe && !url.username && !url.password ? { url } : undefined;
  });
}

function text(what: string): Form<string> {
  return variable('', `expected ${what}`, (value) => (/^[ -~]{0,1024}$/.test(value) ? value : undefined));
}
