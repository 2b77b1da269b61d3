import { isLoopbackHost } from '../http/hosts.ts';
import type { IssuerSettings } from '../http/identitySettings.ts';
import { BAD_NAME, entries, isEntryName, isObject, shownName } from './objects.ts';
import type { Settings } from './settings.ts';

const MAX_ISSUERS = 10;
const EXAMPLE =
  '{"github":{"issuer":"https://token.actions.githubusercontent.com","audience":"https://edge.example.com"}}';
const FORM = `expected an object of at most ${MAX_ISSUERS} issuers, such as ${EXAMPLE}`;

/** Reads `OIDC_ISSUERS`. Every bad entry is reported. */
export function readIssuers(settings: Settings): readonly IssuerSettings[] {
  const issuers: IssuerSettings[] = [];
  for (const [name, given] of settings.read('OIDC_ISSUERS', entries(MAX_ISSUERS, FORM)) ?? []) {
    const report = (problem: string) => settings.report(`OIDC_ISSUERS.${shownName(name)}${problem}`);
    const issuer = parseIssuer(name, given, report);
    const same = issuers.find((other) => other.issuer === issuer?.issuer);
    if (same) report(`.issuer: is that of ${same.name}, too: remove one of them`);
    else if (issuer) issuers.push(issuer);
  }
  return issuers;
}

function parseIssuer(name: string, given: unknown, report: (problem: string) => void): IssuerSettings | undefined {
  if (!isEntryName(name)) return void report(BAD_NAME);
  if (!isObject(given)) return void report(': expected an object with issuer and audience');
  const { issuer, audience, jwks_uri, ...others } = given;
  if (Object.keys(others).length > 0) report(': expected issuer, audience, jwks_uri, and nothing else');
  const isIssuer = typeof issuer === 'string' && !/[?#]/.test(issuer) && safeUrl(issuer) !== undefined;
  if (!isIssuer) report('.issuer: expected the https URL in the claim iss of its tokens, such as https://gitlab.com');
  const isAudience = typeof audience === 'string' && /^[!-~]{1,1024}$/.test(audience);
  if (!isAudience) report('.audience: expected what jobs ask a token for, such as https://edge.example.com');
  const jwksUrl = safeUrl(jwks_uri);
  if (jwks_uri !== undefined && !jwksUrl) report('.jwks_uri: expected the https URL of its JSON Web Key Set, or none');
  return isIssuer && isAudience ? { name, issuer, audience, jwksUrl } : undefined;
}

/** @returns `undefined`: it is neither https nor http to this machine, or has a login */
function safeUrl(text: unknown): URL | undefined {
  if (typeof text !== 'string' || !/^[!-~]+$/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
  return isSafe && !url.username && !url.password ? url : undefined;
}
