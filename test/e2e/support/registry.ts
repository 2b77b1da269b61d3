import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { runClient } from './command.ts';
import { basic, head } from './http.ts';
import { freePort } from './port.ts';
import { type Running, run } from './process.ts';
import type { RedisStore } from './redis.ts';
import type { TokenServer } from './tokenServer.ts';
import { findTool } from './tools.ts';
import { until } from './until.ts';

/** `docker-registry` is Debian's 2.8.2, `registry` is 3.1 or later. */
export const REGISTRIES = ['docker-registry', 'registry'] as const;
export type RegistryKind = (typeof REGISTRIES)[number];

export interface RegistryOptions {
  readonly kind?: RegistryKind;
  /** Whether it requires the credentials of `USER`. */
  readonly guarded?: boolean;
  /** Who issues the tokens that it requires; only `registry` reads such keys. */
  readonly tokens?: TokenServer | undefined;
  /** The Redis of its `storage.cache.blobdescriptor: redis`; by default it has no cache. */
  readonly redis?: RedisStore | undefined;
  /** The URL of the registry for which it is a pull-through cache; such a registry refuses pushes. */
  readonly proxyOf?: string;
  /** Whether its storage is its memory; then `root` is empty, and no disk makes it slow. */
  readonly inMemory?: boolean;
  /** Whether it logs errors alone, and no line for each request. */
  readonly quiet?: boolean;
  /** The URL of the object storage to which it redirects HEADs and GETs of blobs; only with `registry`. */
  readonly redirectsTo?: string;
  /** The endpoints that it notifies of events. */
  readonly events?: readonly Webhook[];
}

/** An endpoint of a registry's `notifications`. */
export interface Webhook {
  readonly url: string;
  /** The bearer token that the registry sends. */
  readonly token: string;
}

/** A running registry with storage of its own on disk. */
export interface Registry {
  readonly url: string;
  /** The host and port that clients write in front of an image's name. */
  readonly host: string;
  /** The root folder of its storage. */
  readonly root: string;
  /** Restarts it after `stop`, at the same address and with the same content. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Removes the blobs that no manifest names from the storage, as operators do; a running registry does not notice. */
  collectGarbage(): Promise<void>;
  /** Stops it from reading and answering until `resume`; the system still accepts connections for it. */
  pause(): void;
  resume(): void;
}

/** The user of a registry that is `guarded`. */
export const USER = { name: 'alice', password: 'correct horse' } as const;
/** The user's credentials in the form that skopeo accepts. */
export const USER_CREDS = `${USER.name}:${USER.password}`;
/** The user's credentials as a header. */
export const USER_HEADERS = basic(USER.name, USER.password);
/** Another user of such a registry, with the same rights. */
export const OTHER_USER_HEADERS = basic('bob', USER.password);
/** By default 3.1 sends traces to a collector. */
const NO_TRACES = { OTEL_TRACES_EXPORTER: 'none' };
/** The password's bcrypt hash, of a cost that is low enough for thousands of requests. */
const PASSWORD_HASH = '$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2';
const HTPASSWD = [USER.name, 'bob'].map((name) => `${name}:${PASSWORD_HASH}\n`).join('');

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { kind = 'docker-registry', guarded = false, tokens, redis, proxyOf, quiet = false, events = [] } = options;
  const { inMemory, redirectsTo: baseurl } = options;
  const folder = await temporaryFolder();
  const root = join(folder, 'storage');
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { accesslog: { disabled: true }, ...(quiet && { level: 'error' }) },
    storage: {
      ...(inMemory ? { inmemory: {} } : { filesystem: { rootdirectory: root } }),
      delete: { enabled: true },
      ...(redis && { cache: { blobdescriptor: 'redis' } }),
    },
    http: { addr: host },
    ...(events.length > 0 && { notifications: { endpoints: events.map(endpointOf) } }),
    ...(baseurl && { middleware: { storage: [{ name: 'redirect', options: { baseurl } }] } }),
    ...(proxyOf && { proxy: { remoteurl: proxyOf } }),
    ...(redis && { redis: redisConfig(kind, new URL(redis.url).host) }),
    ...(tokens && { auth: { token: { ...tokens.auth, jwks: join(folder, 'jwks.json') } } }),
    ...(guarded && { auth: { htpasswd: { realm: 'origin', path: join(folder, 'htpasswd') } } }),
  };
  // Every JSON document is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);
  await writeFile(join(folder, 'jwks.json'), tokens?.jwks ?? '{}');

  let running: Running;
  async function start(): Promise<void> {
    running = run(findTool(kind) ?? kind, ['serve', join(folder, 'config.yml')], NO_TRACES);
    if (quiet) await until(`${kind} answers`, () => isUp(`http://${host}/v2/`));
    else await running.waitFor(/listening on/);
  }
  await start();
  return {
    url: `http://${host}`,
    host,
    root,
    start,
    stop: async () => void (await running.stop()),
    async collectGarbage() {
      const { code, output } = await runClient(kind, ['garbage-collect', join(folder, 'config.yml')], NO_TRACES);
      if (code !== 0) throw new Error(`${kind} garbage-collect ended with ${code}: ${output}`);
    },
    pause: () => void process.kill(running.pid, 'SIGSTOP'),
    resume: () => void process.kill(running.pid, 'SIGCONT'),
  };
}

/** Whether a server answers at this URL, whatever it says. */
export function isUp(url: string): Promise<boolean> {
  return head(url).then(
    () => true,
    () => false,
  );
}

/** An endpoint of the configuration; after a failure the registry soon tries again. */
function endpointOf({ url, token }: Webhook, position: number) {
  const headers = { Authorization: [`Bearer ${token}`] };
  return { name: `endpoint-${position}`, url, headers, timeout: '1s', threshold: 3, backoff: '100ms' };
}

function redisConfig(kind: RegistryKind, host: string) {
  // 3.1 has a pool of connections by default; 2.8.2 without one would open a connection for each command.
  return kind === 'registry' ? { addrs: [host] } : { addr: host, pool: { maxidle: 32, maxactive: 64 } };
}
