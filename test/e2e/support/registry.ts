import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { runClient } from './command.ts';
import { head } from './http.ts';
import { freePort } from './port.ts';
import { type Running, run } from './process.ts';
import type { RedisStore } from './redis.ts';
import { find } from './tools.ts';
import { until } from './until.ts';

/** `docker-registry` is Debian's 2.8.2, `registry` is 3.1 or later. */
export const REGISTRIES = ['docker-registry', 'registry'] as const;
export type RegistryKind = (typeof REGISTRIES)[number];

export interface RegistryOptions {
  readonly kind?: RegistryKind;
  /** Whether it asks for the credentials of `USER`. */
  readonly guarded?: boolean;
  /** Where its `storage.cache.blobdescriptor: redis` is; it has no cache where this is not given. */
  readonly redis?: RedisStore;
  /** The registry that it is a pull-through cache of; it takes no push then. */
  readonly proxyOf?: string;
  /** Whether it writes no line for a request. */
  readonly quiet?: boolean;
  /** Who is told what changes. */
  readonly events?: readonly Webhook[];
}

/** An endpoint of a registry's `notifications`. */
export interface Webhook {
  readonly url: string;
  /** What it shows as a bearer token. */
  readonly token: string;
}

/** A registry with storage of its own on disk. */
export interface Registry {
  readonly url: string;
  /** As clients write it before an image's name. */
  readonly host: string;
  /** Where it keeps its content. */
  readonly root: string;
  /** Starts it again after `stop`, at the same address and with the same content. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Removes for good what no manifest names, as operators do; the registry may be running, and is not told. */
  collectGarbage(): Promise<void>;
  /** Neither reads nor answers until `resume`; the system still takes connections for it. */
  pause(): void;
  resume(): void;
}

/** The one user of a registry with `htpasswd`. */
export const USER = { name: 'alice', password: 'correct horse' } as const;
/** Else 3.1 tells a collector of traces. */
const NO_TRACES = { OTEL_TRACES_EXPORTER: 'none' };
/** bcrypt of the password, with the least cost that is quick enough for thousands of requests. */
const HTPASSWD = `${USER.name}:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n`;

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { kind = 'docker-registry', guarded = false, redis, proxyOf, quiet = false, events = [] } = options;
  const folder = await temporaryFolder();
  const root = join(folder, 'storage');
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { accesslog: { disabled: true }, ...(quiet && { level: 'error' }) },
    storage: {
      filesystem: { rootdirectory: root },
      delete: { enabled: true },
      ...(redis && { cache: { blobdescriptor: 'redis' } }),
    },
    http: { addr: host },
    ...(events.length > 0 && { notifications: { endpoints: events.map(endpointOf) } }),
    ...(proxyOf && { proxy: { remoteurl: proxyOf } }),
    ...(redis && { redis: redisConfig(kind, new URL(redis.url).host) }),
    ...(guarded && { auth: { htpasswd: { realm: 'origin', path: join(folder, 'htpasswd') } } }),
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);

  let running: Running;
  async function start(): Promise<void> {
    running = run(find(kind) ?? kind, ['serve', join(folder, 'config.yml')], NO_TRACES);
    if (quiet) await until(`${kind} answers`, () => isUp(`http://${host}/v2/`));
    else await running.prints(/listening on/);
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

function isUp(url: string): Promise<boolean> {
  return head(url).then(
    () => true,
    () => false,
  );
}

/** Tries again soon where it is not understood. */
function endpointOf({ url, token }: Webhook, at: number) {
  const headers = { Authorization: [`Bearer ${token}`] };
  return { name: `endpoint-${at}`, url, headers, timeout: '1s', threshold: 3, backoff: '100ms' };
}

function redisConfig(kind: RegistryKind, host: string) {
  // Without a pool, which 3.1 has by default, 2.8.2 would connect anew for every command.
  return kind === 'registry' ? { addrs: [host] } : { addr: host, pool: { maxidle: 32, maxactive: 64 } };
}
