import * as v from 'valibot';
import { isInternalHost, isLoopbackHost } from '../http/hosts.ts';
import { LOG_LEVELS, type LogLevel } from '../telemetry/log.ts';
import { authorityList, bareUrl, count, duration, flag, hostList, oneOf, size, variable, wait } from './forms.ts';
import { settingsWithoutEffect } from './warnings.ts';

/** What the Worker runs with. Durations in ms, sizes in bytes. */
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
  /** Hosts that `?ns=` may name for this origin's own content. */
  readonly mirroredHosts: readonly string[];
  readonly memory: { readonly ttlMs: number; readonly entries: number; readonly bytes: number };
  readonly clientAuth: 'origin' | 'anonymous';
  readonly deleteEnabled: boolean;
  readonly cacheTimeoutMs: number;
  readonly logLevel: LogLevel;
  /** For operators' paths; without it there are none. */
  readonly adminToken: string | undefined;
  /** For the registry's events; without it they are not received. */
  readonly eventsToken: string | undefined;
  /** What an operator should know, though it works. */
  readonly warnings: readonly string[];
}

export type Backend =
  | { readonly kind: 'kv' | 'inmemory' }
  | { readonly kind: 'redis'; readonly url: string; readonly token: string; readonly isShared: boolean };

/** Names every bad variable and what it should look like; never what it holds, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(problems: readonly string[]) {
    super(`registry-edge is not configured:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
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

/** The least keeps the five proofs of a caller with the longest credential that the runtime takes, two bytes a character. */
const MEMORY_BOUNDS = 'less does not keep the proof of who may ask, and an isolate has 128 MB in all';
const BACKENDS = ['kv', 'redis', 'inmemory'] as const;
const ORIGIN_FORM = 'expected the base URL of the origin registry, such as https://registry.example.com';
const REDIS_FORM = 'expected the REST URL of the Redis database, such as https://eu1-example-12345.upstash.io';

type Environment = Readonly<Record<string, unknown>>;

/**
 * @param env the Worker's variables, secrets and bindings
 * @throws ConfigError names every bad variable at once
 */
export function parseConfig(env: Environment): Config {
  const problems: string[] = [];
  const warnings: string[] = [];
  function take<S extends v.GenericSchema>(name: (typeof VARIABLES)[number], schema: S): v.InferOutput<S> | undefined {
    const result = v.safeParse(schema, env[name]);
    if (!result.success) problems.push(`${name}: ${result.issues[0].message}`);
    return result.success ? result.output : undefined;
  }

  const insecure = take('ORIGIN_INSECURE', flag('false'));
  const config = {
    originUrl: take('ORIGIN_URL', originUrl(insecure ?? true)),
    originTimeoutMs: take('ORIGIN_TIMEOUT', wait('30s', '10ms', '5m')),
    redirectHosts: take('REDIRECT_HOSTS', hostList())?.names,
    backend: takeBackend(),
    descriptorTtlMs: take('DESCRIPTOR_TTL', duration('1h')),
    pushExistenceTtlMs: take('PUSH_EXISTENCE_TTL', duration('5m')),
    tagTtlMs: take('TAG_TTL', duration('10s')),
    listTtlMs: take('LIST_TTL', duration('0', '1h')),
    staleIfErrorMs: take('STALE_IF_ERROR', duration('1h')),
    blobRedirect: take('BLOB_REDIRECT', oneOf('pass', ['pass', 'follow'])),
    uploadOrigin: take('UPLOAD_ORIGIN', oneOf('edge', ['edge', 'direct'])),
    mirroredHosts: take('MIRRORED_HOSTS', authorityList()),
    memory: {
      ttlMs: take('MEMORY_TTL', duration('30s')),
      entries: take('MEMORY_ENTRIES', count('10000', 16, 'fewer do not keep the proof of who may ask')),
      bytes: take('MEMORY_BYTES', size('16MiB', '256KiB', '64MiB', MEMORY_BOUNDS)),
    },
    clientAuth: take('CLIENT_AUTH', oneOf('origin', ['origin', 'anonymous'])),
    deleteEnabled: take('DELETE_ENABLED', flag('true')),
    cacheTimeoutMs: take('CACHE_TIMEOUT', wait('250ms', '10ms', '30s')),
    adminToken: take('ADMIN_TOKEN', guard())?.token,
    eventsToken: take('EVENTS_TOKEN', guard())?.token,
    logLevel: take('LOG_LEVEL', oneOf('info', LOG_LEVELS)),
    warnings,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  const whole = config as Config; // nothing is undefined that was not reported
  warnings.push(...settingsWithoutEffect(whole, (name) => String(env[name] ?? '').trim() !== ''));
  return whole;

  function takeBackend(): Backend | undefined {
    const old = take('LAYERINFO', oneOf('kv', BACKENDS));
    if (env.LAYERINFO && !env.BLOBDESCRIPTOR) warnings.push('LAYERINFO is the old name of BLOBDESCRIPTOR');
    const kind = take('BLOBDESCRIPTOR', oneOf(old ?? 'kv', BACKENDS));
    const isShared = take('REDIS_SHARED', flag('false')) ?? false;
    if (isShared && kind !== 'redis') problems.push('REDIS_SHARED: expected BLOBDESCRIPTOR=redis beside true');
    if (kind === 'redis') {
      const url = take('UPSTASH_REDIS_REST_URL', redisUrl());
      const token = take('UPSTASH_REDIS_REST_TOKEN', secret());
      return url && token ? { kind, url: url.href, token, isShared } : undefined;
    }
    if (kind === 'kv' && !env.DESCRIPTORS) problems.push('DESCRIPTORS: expected a KV namespace bound to this name');
    return kind && { kind };
  }
}

function originUrl(insecure: boolean) {
  return v.pipe(
    bareUrl(ORIGIN_FORM),
    v.check((url) => !/\/v2\/*$|\/\//.test(url.pathname), `${ORIGIN_FORM}, without /v2`),
    v.check(
      (url) => insecure || url.protocol === 'https:' || isLoopbackHost(url.hostname),
      'expected https; ORIGIN_INSECURE=true allows http to other hosts than this one',
    ),
  );
}

function redisUrl() {
  return v.pipe(
    bareUrl(REDIS_FORM),
    v.check(({ protocol, hostname }) => protocol === 'https:' || isInternalHost(hostname), `${REDIS_FORM} (https)`),
  );
}

/** A token that guards something of the edge's own; none at all is `undefined`. */
function guard() {
  return variable('', 'expected a token of 16 to 1024 characters without white space, or none', (value) => {
    if (value === '') return { token: undefined };
    return /^[!-~]{16,1024}$/.test(value) ? { token: value } : undefined;
  });
}

function secret() {
  return variable('', 'expected a token without white space', (value) => (/^\S+$/.test(value) ? value : undefined));
}
