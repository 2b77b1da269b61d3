import * as v from 'valibot';
import { isInternalHost, isLoopbackHost } from '../http/hosts.ts';
import { LOG_LEVELS, type LogLevel } from '../telemetry/log.ts';
import { bareUrl, count, duration, flag, hostPatterns, hosts, oneOf, size, timeout, variable } from './forms.ts';
import { settingsWithoutEffect } from './warnings.ts';

/** The Worker's configuration. Durations in ms, sizes in bytes. */
export interface Config {
  readonly originUrl: URL;
  readonly originTimeoutMs: number;
  readonly redirectHosts: readonly string[] | undefined;
  readonly backend: Backend;
  readonly descriptorTtlMs: number;
  readonly pushExistenceTtlMs: number;
  readonly tagTtlMs: number;
  readonly listTtlMs: number;
  readonly staleIfErrorMs: number;
  readonly blobRedirect: 'pass' | 'follow';
  readonly uploadOrigin: 'edge' | 'direct';
  /** The hosts by which `?ns=` may name this origin's own content. */
  readonly mirroredHosts: readonly string[];
  readonly memory: { readonly ttlMs: number; readonly entries: number; readonly bytes: number };
  readonly clientAuth: 'origin' | 'anonymous';
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

export type Backend =
  | { readonly kind: 'kv' | 'inmemory' }
  | { readonly kind: 'redis'; readonly url: string; readonly token: string; readonly isShared: boolean };

/** Names every bad variable and what it should look like, never its value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(problems: readonly string[]) {
    super(`the configuration of registry-edge is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Every variable and secret that the Worker reads. */
export const VARIABLES = [
  'ORIGIN_URL',
  'ORIGIN_INSECURE',
  'ORIGIN_TIMEOUT',
  'REDIRECT_HOSTS',
  'BLOBDESCRIPTOR',
  'LAYERINFO',
  'UPSTASH_REDIS_REST_URL',
  'UPSTASH_REDIS_REST_TOKEN',
  'REDIS_SHARED',
  'DESCRIPTOR_TTL',
  'PUSH_EXISTENCE_TTL',
  'TAG_TTL',
  'LIST_TTL',
  'STALE_IF_ERROR',
  'BLOB_REDIRECT',
  'UPLOAD_ORIGIN',
  'MIRRORED_HOSTS',
  'MEMORY_TTL',
  'MEMORY_ENTRIES',
  'MEMORY_BYTES',
  'CLIENT_AUTH',
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
const BACKENDS = ['kv', 'redis', 'inmemory'] as const;
const ORIGIN_FORM = 'expected the base URL of the origin registry, such as https://registry.example.com';
const REDIS_FORM = 'expected the REST URL of the Redis database, such as https://eu1-example-12345.upstash.io';

type Environment = Readonly<Record<string, unknown>>;

/**
 * Reads and checks the configuration.
 * @param env the Worker's variables, secrets and bindings
 * @throws ConfigError naming every bad variable at once
 */
export function parseConfig(env: Environment): Config {
  const problems: string[] = [];
  const warnings: string[] = [];
  function read<S extends v.GenericSchema>(name: (typeof VARIABLES)[number], schema: S): v.InferOutput<S> | undefined {
    const result = v.safeParse(schema, env[name]);
    if (!result.success) problems.push(`${name}: ${result.issues[0].message}`);
    return result.success ? result.output : undefined;
  }

  const allowsHttp = read('ORIGIN_INSECURE', flag('false'));
  const config = {
    originUrl: read('ORIGIN_URL', originUrl(allowsHttp ?? true)),
    originTimeoutMs: read('ORIGIN_TIMEOUT', timeout('30s', '10ms', '5m')),
    redirectHosts: read('REDIRECT_HOSTS', hostPatterns())?.patterns,
    backend: readBackend(),
    descriptorTtlMs: read('DESCRIPTOR_TTL', duration('1h')),
    pushExistenceTtlMs: read('PUSH_EXISTENCE_TTL', duration('5m')),
    tagTtlMs: read('TAG_TTL', duration('10s')),
    listTtlMs: read('LIST_TTL', duration('0', '1h')),
    staleIfErrorMs: read('STALE_IF_ERROR', duration('1h')),
    blobRedirect: read('BLOB_REDIRECT', oneOf('pass', ['pass', 'follow'])),
    uploadOrigin: read('UPLOAD_ORIGIN', oneOf('edge', ['edge', 'direct'])),
    mirroredHosts: read('MIRRORED_HOSTS', hosts()),
    memory: {
      ttlMs: read('MEMORY_TTL', duration('30s')),
      entries: read('MEMORY_ENTRIES', count('10000', 16, 'with fewer, proofs of access are not remembered')),
      bytes: read('MEMORY_BYTES', size('16MiB', '256KiB', '64MiB', MEMORY_BOUNDS)),
    },
    clientAuth: read('CLIENT_AUTH', oneOf('origin', ['origin', 'anonymous'])),
    deleteEnabled: read('DELETE_ENABLED', flag('true')),
    cacheTimeoutMs: read('CACHE_TIMEOUT', timeout('250ms', '10ms', '30s')),
    adminToken: read('ADMIN_TOKEN', optionalToken())?.token,
    eventsToken: read('EVENTS_TOKEN', optionalToken())?.token,
    logLevel: read('LOG_LEVEL', oneOf('info', LOG_LEVELS)),
    warnings,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  const valid = config as Config; // an undefined value would have been reported above
  warnings.push(...settingsWithoutEffect(valid, (name) => String(env[name] ?? '').trim() !== ''));
  return valid;

  function readBackend(): Backend | undefined {
    const old = read('LAYERINFO', oneOf('kv', BACKENDS));
    if (env.LAYERINFO && !env.BLOBDESCRIPTOR) warnings.push('LAYERINFO is deprecated: set BLOBDESCRIPTOR instead');
    const kind = read('BLOBDESCRIPTOR', oneOf(old ?? 'kv', BACKENDS));
    const isShared = read('REDIS_SHARED', flag('false')) ?? false;
    if (isShared && kind !== 'redis') problems.push('REDIS_SHARED: requires BLOBDESCRIPTOR=redis');
    if (kind === 'redis') {
      const url = read('UPSTASH_REDIS_REST_URL', redisUrl());
      const token = read('UPSTASH_REDIS_REST_TOKEN', requiredToken());
      return url && token ? { kind, url: url.href, token, isShared } : undefined;
    }
    if (kind === 'kv' && !env.DESCRIPTORS)
      problems.push('DESCRIPTORS: expected a KV namespace that is bound under this name');
    return kind && { kind };
  }
}

function originUrl(allowsHttp: boolean) {
  return v.pipe(
    bareUrl(ORIGIN_FORM),
    v.check((url) => !/\/v2\/*$|\/\//.test(url.pathname), `${ORIGIN_FORM}, without /v2`),
    v.check(
      (url) => allowsHttp || url.protocol === 'https:' || isLoopbackHost(url.hostname),
      'expected https: http to another machine requires ORIGIN_INSECURE=true',
    ),
  );
}

function redisUrl() {
  return v.pipe(
    bareUrl(REDIS_FORM),
    v.check(({ protocol, hostname }) => protocol === 'https:' || isInternalHost(hostname), `${REDIS_FORM} (https)`),
  );
}

/** A token that guards one of the edge's own paths; unset is `undefined`. */
function optionalToken() {
  return variable('', 'expected a token of 16 to 1024 characters without white space, or none', (value) => {
    if (value === '') return { token: undefined };
    return /^[!-~]{16,1024}$/.test(value) ? { token: value } : undefined;
  });
}

function requiredToken() {
  return variable('', 'expected a token without white space', (value) => (/^\S+$/.test(value) ? value : undefined));
}
