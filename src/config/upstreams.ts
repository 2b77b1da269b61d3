import { isAlias, MAX_ALIAS_CHARACTERS } from '../oci/alias.ts';
import { isObject, parseObject } from './objects.ts';
import { type Environment, isSet } from './settings.ts';
import { CHOOSERS, UPSTREAM_VARIABLES } from './upstream.ts';

/** What `UPSTREAMS` says of one upstream. */
export interface UpstreamEntry {
  readonly alias: string;
  /** Its own variables; those that hold a secret have its value here. */
  readonly variables: Environment;
}

/** Each costs a cold start some time, and every request that is chosen by a prefix looks at all of them. */
const MAX_UPSTREAMS = 50;
const FORM = 'expected an object of upstreams, such as {"hub":{"PRESET":"docker-hub","HOSTS":"hub.example.com"}}';
/** The variables of an upstream that hold a secret, which `UPSTREAMS` names and does not contain. */
export const SECRETS: readonly string[] = [
  'EVENTS_TOKEN',
  'ORIGIN_PASSWORD',
  'AWS_SECRET_ACCESS_KEY',
  'GOOGLE_SERVICE_ACCOUNT',
  'USERS',
];
const SUFFIX = '_SECRET';
const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const OWN = new Set<string>([...CHOOSERS, ...UPSTREAM_VARIABLES]);

/**
 * Reads `UPSTREAMS`: an object, as wrangler makes one of `[vars.UPSTREAMS.<alias>]`, or its JSON.
 * @param edgeVariables the names of variables that hold for the whole edge, and for no single upstream
 * @param report receives what is bad
 */
export function readUpstreams(
  env: Environment,
  edgeVariables: readonly string[],
  report: (problem: string) => void,
): UpstreamEntry[] {
  if (typeof env.UPSTREAMS !== 'object' && !isSet(env, 'UPSTREAMS')) return [];
  const entries = parseUpstreams(env.UPSTREAMS);
  if (!entries) report(`UPSTREAMS: ${FORM}`);
  else if (entries.length > MAX_UPSTREAMS) report(`UPSTREAMS: expected at most ${MAX_UPSTREAMS} upstreams`);
  return (entries ?? []).slice(0, MAX_UPSTREAMS).flatMap(([alias, given]) => {
    // It may be anything, so it is quoted.
    const name = isAlias(alias) ? alias : JSON.stringify(alias.slice(0, MAX_ALIAS_CHARACTERS));
    const problem = (text: string) => void report(`UPSTREAMS.${name}${text}`);
    if (!isAlias(alias)) problem(`: expected a name of at most ${MAX_ALIAS_CHARACTERS} of a to z, 0 to 9 and -`);
    else if (isObject(given)) return [{ alias, variables: readVariables(env, given, edgeVariables, problem) }];
    else problem(': expected an object of variables, such as {"ORIGIN_URL":"https://registry.example.com"}');
    return [];
  });
}

/** Returns the variables of an upstream, with the values of its secrets. */
function readVariables(
  env: Environment,
  given: Record<string, unknown>,
  edgeVariables: readonly string[],
  problem: (text: string) => void,
): Environment {
  const variables: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const secret = SECRETS.find((known) => name === known + SUFFIX);
    if (SECRETS.includes(name)) problem(`.${name}: is a secret: set ${name}${SUFFIX} to its name`);
    else if (OWN.has(name)) variables[name] = value;
    else if (secret === undefined) problem(`.${quotedName(name)}: ${reasonAgainst(name, edgeVariables)}`);
    else if (typeof value === 'string' && SECRET_NAME.test(value) && isSet(env, value)) variables[secret] = env[value];
    else problem(`.${name}: expected the name of a secret, which npx wrangler secret put has set`);
  }
  return variables;
}

/** Returns the names of the secrets that `UPSTREAMS` refers to. @param UPSTREAMS valid or not */
export function namesOfSecrets(UPSTREAMS: unknown): string[] {
  const names = (parseUpstreams(UPSTREAMS) ?? []).flatMap(([, given]) =>
    SECRETS.map((name) => (isObject(given) ? given[name + SUFFIX] : undefined)),
  );
  return names.filter((name): name is string => typeof name === 'string' && SECRET_NAME.test(name));
}

function parseUpstreams(value: unknown): [alias: string, given: unknown][] | undefined {
  const upstreams = parseObject(value);
  return upstreams && Object.entries(upstreams);
}

/** A name that is no variable may be anything. */
function quotedName(name: string): string {
  return /^[A-Z_]{1,64}$/.test(name) ? name : JSON.stringify(name.slice(0, 64));
}

function reasonAgainst(name: string, edgeVariables: readonly string[]): string {
  if (edgeVariables.includes(name)) return 'holds for all upstreams: set it for the whole edge';
  return 'is no variable of an upstream: docs/configuration.md has them all';
}
