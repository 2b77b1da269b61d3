import { type Patterns, parsePatterns } from '../oci/patterns.ts';
import { isObject, shownName } from './objects.ts';

/** A user's claims are compared one after the other, with every token. */
const MAX_CLAIMS = 20;
const FORM = `expected 1 to ${MAX_CLAIMS} claims with patterns, such as {"repository":"example/app","ref":"refs/heads/*"}`;
/** Every token has these, whosever it is. */
const OF_EVERYBODY = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'];

/** Before its first slash there is an owner, or it has no slash. */
const PATH = /^[^*/]+(?:\/|$)/;
const WITHOUT_WILDCARD = /^[^*]+$/;
/** Issuers that give tokens to everybody: the claims that say whose a job is, and how patterns have to name that. */
const SHARED: ReadonlyMap<string, Readonly<Record<string, RegExp>>> = new Map([
  [
    'https://token.actions.githubusercontent.com/',
    {
      repository: PATH,
      repository_id: WITHOUT_WILDCARD,
      repository_owner: WITHOUT_WILDCARD,
      repository_owner_id: WITHOUT_WILDCARD,
      sub: /^repo:[^*/]+\//,
    },
  ],
  [
    'https://gitlab.com/',
    {
      project_path: PATH,
      project_id: WITHOUT_WILDCARD,
      namespace_path: PATH,
      namespace_id: WITHOUT_WILDCARD,
      sub: /^project_path:[^*/]+\//,
    },
  ],
]);

/**
 * Reads the claims of a user: what a token has to say so that it is one of this user.
 * @param issuer who issues these tokens, as a URL
 * @param report receives what is bad
 */
export function parseClaims(
  given: unknown,
  issuer: string,
  report: (problem: string) => void,
): ReadonlyMap<string, Patterns> {
  const texts = isObject(given) ? Object.entries(given) : [];
  const claims = new Map<string, Patterns>();
  if (texts.length === 0 || texts.length > MAX_CLAIMS) {
    report(`: ${FORM}`);
    return claims;
  }
  for (const [name, text] of texts) {
    const patterns = typeof text === 'string' ? parsePatterns(text) : undefined;
    if (!patterns || patterns.isEmpty) report(`.${shownName(name)}: expected patterns in a text, such as refs/heads/*`);
    else if (OF_EVERYBODY.includes(name)) report(`.${name}: says nothing about whose a token is: name another claim`);
    else claims.set(name, patterns);
  }
  // Only claims that are all good can be judged together.
  const tooWide = claims.size === texts.length ? whomItLetsIn(claims, texts as [string, string][], issuer) : undefined;
  if (tooWide) report(`: ${tooWide}`);
  return claims;
}

/** Returns a sentence where strangers would be let in. */
function whomItLetsIn(
  claims: ReadonlyMap<string, Patterns>,
  texts: readonly (readonly [name: string, text: string])[],
  issuer: string,
): string | undefined {
  if ([...claims.values()].every(({ isUnbounded }) => isUnbounded)) {
    return `would let in everybody who has a token of ${issuer}: name a claim with more than wildcards`;
  }
  const forms = SHARED.get(new URL(issuer).href);
  if (!forms) return undefined;
  const saysWhose = ([name, text]: readonly [string, string]) =>
    Object.entries(forms).some(([claim, form]) => claim === name && includedIn(text).every((one) => form.test(one)));
  if (texts.some(saysWhose)) return undefined;
  const names = Object.keys(forms);
  return (
    `would let in strangers, since everybody gets tokens of ${issuer}: name the owner, without a wildcard, ` +
    `in one of ${names.join(', ')}`
  );
}

/** Returns the patterns that do not exclude. */
function includedIn(text: string): string[] {
  return text
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => !pattern.startsWith('!'));
}
