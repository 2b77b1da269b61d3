import { isLoopbackHost } from '../http/hosts.ts';
import type { TokenSettings } from '../http/tokenSettings.ts';
import { isRepositoryName, type RepositoryName } from '../oci/name.ts';
import { LOG_LEVELS, type LogLevel } from '../telemetry/log.ts';
import { type Backend, type ChosenBackend, readBackend } from './backend.ts';
import {
  bareUrl,
  checked,
  count,
  duration,
  type Form,
  flag,
  hostPatterns,
  hosts,
  oneOf,
  oneOfOrNone,
  size,
  timeout,
  variable,
} from './forms.ts';
import { PRESET_NAMES, preselect } from './presets.ts';
import { createSettings, type Environment, isSet } from './settings.ts';
import { readTokens, TOKEN_VARIABLES } from './tokens.ts';
import { settingsWithoutEffect } from './warnings.ts';

/** The Worker's configuration. Durations in ms, sizes in bytes. */
export interface Config<Open = unknown> {
  readonly originUrl: URL;
  readonly originTimeoutMs: number;
  readonly redirectHosts: readonly string[] | undefined;
  /** The hosts of token servers that may be asked, besides the well-known ones. */
  readonly tokenRealms: readonly string[];
  /** `BLOBDESCRIPTOR` */
  readonly backend: ChosenBackend<Open>;
  readonly descriptorTtlMs: number;
  readonly pushExistenceTtlMs: number;
  readonly pushStaleMs: number;
  readonly tagTtlMs: number;
  readonly listTtlMs: number;
  readonly staleIfErrorMs: number;
  readonly blobRedirect: 'pass' | 'follow';
  readonly uploadOrigin: 'edge' | 'direct';
  /** The hosts by which `?ns=` may name this origin's own content. */
  readonly mirroredHosts: readonly string[];
  /** `PRESET`; empty for none. */
  readonly preset: string;
  /** The namespace of repositories that are named without one. */
  readonly defaultNamespace: RepositoryName | undefined;
  readonly memory: { readonly ttlMs: number; readonly entries: number; readonly bytes: number };
  readonly clientAuth: 'origin' | 'anonymous';
  /** How tokens are verified at the edge; `undefined`: only the origin judges them. */
  readonly tokens: TokenSettings | undefined;
  readonly deleteEnabled: boolean;
  readonly cacheTimeoutMs: number;
  readonly logLevel: LogLevel;
  /** Guards the operators' paths, which answer 404 without it. */
  readonly adminToken: string | undefined;
  /** Guards the path for the registry's events, which answers 404 without it. */
  readonly eventsToken: string | undefined;
  /** Settings that work, but that the operator should change. */
  readonly warnings: readonly string[];
}

/** Names every bad variable and what it should look like, never its value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(problems: readonly string[]) {
    super(`the configuration of registry-edge is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Every variable and secret that the Worker reads, but for those of the backends. */
const VARIABLES = [
  'PRESET',
  'ORIGIN_URL',
  'ORIGIN_INSECURE',
  'ORIGIN_TIMEOUT',
  'REDIRECT_HOSTS',
  'TOKEN_REALMS_ALLOWED',
  'BLOBDESCRIPTOR',
  'LAYERINFO',
  'DESCRIPTOR_TTL',
  'PUSH_EXISTENCE_TTL',
  'PUSH_STALE_WHILE_REVALIDATE',
  'TAG_TTL',
  'LIST_TTL',
  'STALE_IF_ERROR',
  'BLOB_REDIRECT',
  'UPLOAD_ORIGIN',
  'MIRRORED_HOSTS',
  'DEFAULT_NAMESPACE',
  'MEMORY_TTL',
  'MEMORY_ENTRIES',
  'MEMORY_BYTES',
  'CLIENT_AUTH',
  ...TOKEN_VARIABLES,
  'DELETE_ENABLED',
  'CACHE_TIMEOUT',
  'ADMIN_TOKEN',
  'EVENTS_TOKEN',
  'LOG_LEVEL',
] as const;

/**
 * The minimum holds the five grants of one caller with the longest credential that the runtime accepts, at two bytes a
 * character.
 */
const MEMORY_BOUNDS = 'with less, proofs of access are not remembered, and an isolate has 128 MB in all';

/** Returns the names of all variables and secrets that the Worker reads. */
export function variableNames(backends: readonly Backend<unknown>[]): readonly string[] {
  return [...VARIABLES, ...backends.flatMap(({ variables }) => variables)];
}

/**
 * Reads and checks the configuration.
 * @param env the Worker's variables, secrets and bindings
 * @param backends the stores to choose from; the first is the default
 * @throws ConfigError naming every bad variable at once
 */
export function parseConfig<Open>(env: Environment, backends: readonly Backend<Open>[]): Config<Open> {
  const warnings: string[] = [];
  const { defaults, originExample } = preselect(env);
  const settings = createSettings(env, defaults);
  const { problems } = settings;
  const read = <T>(name: (typeof VARIABLES)[number], form: Form<T>) => settings.read(name, form);

  const allowsHttp = read('ORIGIN_INSECURE', flag('false'));
  const config = {
    preset: read('PRESET', oneOfOrNone(PRESET_NAMES)),
    originUrl: read('ORIGIN_URL', originUrl(allowsHttp ?? true, originExample)),
    originTimeoutMs: read('ORIGIN_TIMEOUT', timeout('30s', '10ms', '5m')),
    redirectHosts: read('REDIRECT_HOSTS', hostPatterns())?.patterns,
    tokenRealms: read('TOKEN_REALMS_ALLOWED', hosts('auth.example.com')),
    backend: readBackend(settings, backends),
    descriptorTtlMs: read('DESCRIPTOR_TTL', duration('1h')),
    pushExistenceTtlMs: read('PUSH_EXISTENCE_TTL', duration('5m')),
    pushStaleMs: read('PUSH_STALE_WHILE_REVALIDATE', duration('1d')),
    tagTtlMs: read('TAG_TTL', duration('10s')),
    listTtlMs: read('LIST_TTL', duration('0', '1h')),
    staleIfErrorMs: read('STALE_IF_ERROR', duration('1h')),
    blobRedirect: read('BLOB_REDIRECT', oneOf('pass', ['pass', 'follow'])),
    uploadOrigin: read('UPLOAD_ORIGIN', oneOf('edge', ['edge', 'direct'])),
    mirroredHosts: read('MIRRORED_HOSTS', hosts('docker.io')),
    defaultNamespace: read('DEFAULT_NAMESPACE', namespace())?.name,
    memory: {
      ttlMs: read('MEMORY_TTL', duration('30s')),
      entries: read('MEMORY_ENTRIES', count('10000', 16, 'with fewer, proofs of access are not remembered')),
      bytes: read('MEMORY_BYTES', size('16MiB', '256KiB', '64MiB', MEMORY_BOUNDS)),
    },
    clientAuth: read('CLIENT_AUTH', oneOf('origin', ['origin', 'anonymous'])),
    tokens: readTokens(settings),
    deleteEnabled: read('DELETE_ENABLED', flag('true')),
    cacheTimeoutMs: read('CACHE_TIMEOUT', timeout('250ms', '10ms', '30s')),
    adminToken: read('ADMIN_TOKEN', optionalToken())?.token,
    eventsToken: read('EVENTS_TOKEN', optionalToken())?.token,
    logLevel: read('LOG_LEVEL', oneOf('info', LOG_LEVELS)),
    warnings,
  };
  if (env.LAYERINFO && !env.BLOBDESCRIPTOR) warnings.push('LAYERINFO is deprecated: set BLOBDESCRIPTOR instead');
  if (problems.length > 0) throw new ConfigError(problems);
  const valid = config as Config<Open>; // an undefined value would have been reported above
  warnings.push(...settingsWithoutEffect(valid, (name) => isSet(env, name)));
  return valid;
}

function originUrl(allowsHttp: boolean, example = 'https://registry.example.com') {
  const form = `expected the base URL of the origin registry, such as ${example}`;
  const base = checked(bareUrl(form), ({ pathname }) => !/\/v2\/*$|\/\//.test(pathname), `${form}, without /v2`);
  return checked(
    base,
    (url) => allowsHttp || url.protocol === 'https:' || isLoopbackHost(url.hostname),
    'expected https: http to another machine requires ORIGIN_INSECURE=true',
  );
}

/** A namespace of repositories; unset is `undefined`. */
function namespace() {
  return variable('', 'expected the beginning of repository names, such as library, or none', (value) => {
    if (value === '') return { name: undefined };
    // A name has to fit behind it.
    return isRepositoryName(value) && isRepositoryName(`${value}/a`) ? { name: value } : undefined;
  });
}

/** A token that guards one of the edge's own paths; unset is `undefined`. */
function optionalToken() {
  return variable('', 'expected a token of 16 to 1024 characters without white space, or none', (value) => {
    if (value === '') return { token: undefined };
    return /^[!-~]{16,1024}$/.test(value) ? { token: value } : undefined;
  });
}
