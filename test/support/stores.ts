import { env } from 'cloudflare:workers';
import { inject } from 'vitest';
import type { KnownStore } from '../../local/price/costs.ts';
import { createCache, type RegistryCache } from '../../src/cache/registryCache.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { MAX_MANIFEST_BYTES } from '../../src/origin/manifests.ts';
import { createDurableStore } from '../../src/stores/durable/backend.ts';
import { createKvStore } from '../../src/stores/kv/backend.ts';
import { createInMemoryStore, createMemoryTier } from '../../src/stores/memory/store.ts';
import type { StoreOptions } from '../../src/stores/options.ts';
import { createRedisStore } from '../../src/stores/redis/backend.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { contentObject, FAILING_OBJECTS, OBJECTS, slowObjects } from './durableStore.ts';
import type { EdgeOptions } from './edge.ts';
import { FAILING_KV, slowKv } from './kvStore.ts';
import { ADDRESS, NO_REDIS, REDIS, redis, UNREACHABLE } from './redisStore.ts';
import { createScriptedServer } from './scripted.ts';

/** How a whole edge is put before a store. */
export interface EdgeOnStore {
  readonly variables: Record<string, string>;
  readonly options: EdgeOptions;
}

/** A store that the cache can be kept in, for the suites of the stores and for tests of a whole edge. */
export interface Store {
  /** As `Cache-Status` names it. */
  readonly name: string;
  /** The store whose counted costs and whose bad records, in the tables of the tests, are also its own. */
  readonly like: KnownStore;
  /** Selects it in a whole edge, whose wait for it is long enough for slow cores. */
  readonly variables: Record<string, string>;
  /** Whether this machine has it. */
  readonly isAvailable: boolean;
  /** Whether isolates and edges share it; a memory belongs to one isolate. */
  readonly isShared: boolean;
  /** Whether edges that share it see each other's tags. */
  readonly sharesTags: boolean;
  /** Whether it has global records, which operators can read at `/_edge/descriptors`. */
  readonly hasGlobalRecords: boolean;
  /** It has no room for larger content. */
  readonly maxContentBytes: number;
  /** Opens it without a breaker or a tier in front. */
  open(options?: Partial<StoreOptions>): RegistryCache;
  /** Opens it so that every request fails. Absent for memory, which cannot fail. */
  openFailing?(options?: Partial<StoreOptions>): RegistryCache;
  /** A whole edge before a store that fails at once. */
  readonly failing?: EdgeOnStore;
  /** A whole edge before a store whose writes arrive, but later than the edge waits for. */
  slow?(): EdgeOnStore;
  /** Access to stored content past the code under test. */
  readonly raw?: RawStore;
}

export interface RawStore {
  contentKey(digest: string): string;
  readContent(digest: string): Promise<string | null>;
  writeContent(digest: string, text: string): Promise<unknown>;
}

export type SharedStore = Store & { readonly like: Exclude<KnownStore, 'memory'> };

export const HOUR_MS = 3_600_000;
/** The origin of the tests' edges, by which objects are named. */
const ORIGIN = new URL(inject('originUrl')).href;
const CACHE_TIMEOUT = '10s';
/** More than any test fills. */
const ROOMY = { entries: 1_000_000, bytes: 2 ** 30 };
/** Longer than the edge waits for an answer, shorter than a store may take in all. */
const SLOW_MS = 400;
const IMPATIENT = { CACHE_TIMEOUT: '100ms' };

/** The options of a store as most tests need them. */
export function storeOptions(options: Partial<StoreOptions> = {}): StoreOptions {
  return {
    prefix: '',
    origin: ORIGIN,
    memory: createMemory(ROOMY),
    retentionMs: HOUR_MS,
    maxClearedForMs: CLOCK_SKEW_MS,
    askedAs: 'caller',
    ...options,
  };
}

export function openMemory(options?: Partial<StoreOptions>): RegistryCache {
  return createCache(createInMemoryStore(storeOptions(options)));
}

/** Opens an isolate's memory as the tier in front of a store. */
export function openTier(ttlMs: number, memory = createMemory(ROOMY)): RegistryCache {
  return createCache(createMemoryTier(memory, ttlMs));
}

export function openKv(options?: Partial<StoreOptions>, namespace = env.DESCRIPTORS): RegistryCache {
  return createCache(createKvStore(namespace, storeOptions(options)));
}

export function openDurable(options?: Partial<StoreOptions>, namespace = OBJECTS): RegistryCache {
  return createCache(createDurableStore({ namespace, location: undefined }, storeOptions(options)));
}

export function openRedis(options?: Partial<StoreOptions>, address = ADDRESS, isShared = false): RegistryCache {
  return createCache(createRedisStore({ ...address, isShared }, storeOptions(options)));
}

/** A cache in memory, some parts of which are replaced. */
export function cacheWith(parts: Partial<RegistryCache>): RegistryCache {
  return { ...openMemory(), ...parts };
}

/** The table of stores: a new backend is one row. Tests iterate over one of the lists below. */
export const ALL_STORES: readonly Store[] = [
  {
    name: 'memory',
    like: 'memory',
    variables: { BLOBDESCRIPTOR: 'inmemory', CACHE_TIMEOUT },
    isAvailable: true,
    isShared: false,
    sharesTags: false,
    hasGlobalRecords: true,
    maxContentBytes: 256 * 1024,
    open: openMemory,
  },
  {
    name: 'kv',
    like: 'kv',
    variables: { BLOBDESCRIPTOR: 'kv', CACHE_TIMEOUT },
    isAvailable: true,
    isShared: true,
    sharesTags: false,
    hasGlobalRecords: false,
    maxContentBytes: MAX_MANIFEST_BYTES,
    open: (options) => openKv(options),
    openFailing: (options) => openKv(options, FAILING_KV),
    failing: { variables: { BLOBDESCRIPTOR: 'kv' }, options: { namespace: FAILING_KV } },
    slow: () => ({ variables: { BLOBDESCRIPTOR: 'kv', ...IMPATIENT }, options: { namespace: slowKv(SLOW_MS) } }),
    raw: {
      contentKey: (digest) => `content::${digest}`,
      readContent: (digest) => env.DESCRIPTORS.get(`content::${digest}`),
      writeContent: (digest, text) => env.DESCRIPTORS.put(`content::${digest}`, text),
    },
  },
  {
    name: 'durable',
    like: 'durable',
    variables: { BLOBDESCRIPTOR: 'durable', CACHE_TIMEOUT },
    isAvailable: true,
    isShared: true,
    sharesTags: true,
    hasGlobalRecords: false,
    maxContentBytes: 1_900_000,
    open: (options) => openDurable(options),
    openFailing: (options) => openDurable(options, FAILING_OBJECTS),
    failing: { variables: { BLOBDESCRIPTOR: 'durable' }, options: { objects: FAILING_OBJECTS } },
    slow: () => ({
      variables: { BLOBDESCRIPTOR: 'durable', ...IMPATIENT },
      options: { objects: slowObjects(SLOW_MS) },
    }),
    raw: {
      contentKey: (digest) => digest,
      async readContent(digest) {
        const found = await contentObject(ORIGIN, digest).readContent(digest);
        return found ? new TextDecoder().decode(found.content) : null;
      },
      writeContent: (digest, text) =>
        contentObject(ORIGIN, digest).write([['content', digest, new TextEncoder().encode(text), HOUR_MS]]),
    },
  },
  {
    name: 'redis',
    like: 'redis',
    variables: REDIS,
    isAvailable: !NO_REDIS,
    isShared: true,
    sharesTags: true,
    hasGlobalRecords: true,
    maxContentBytes: MAX_MANIFEST_BYTES,
    open: (options) => openRedis(options),
    openFailing: (options) => openRedis(options, UNREACHABLE),
    failing: { variables: { ...REDIS, UPSTASH_REDIS_REST_URL: UNREACHABLE.url }, options: {} },
    slow() {
      const { url } = createScriptedServer({ forward: ADDRESS.url, waitMs: SLOW_MS });
      return { variables: { ...REDIS, UPSTASH_REDIS_REST_URL: url, ...IMPATIENT }, options: {} };
    },
    raw: {
      contentKey: (digest) => `registry-edge::content::${digest}`,
      readContent: (digest) => redis.get<string>(`registry-edge::content::${digest}`),
      writeContent: (digest, text) => redis.set(`registry-edge::content::${digest}`, text),
    },
  },
];

/** The stores that this machine has. */
export const STORES = ALL_STORES.filter(({ isAvailable }) => isAvailable);

/** Those of them that isolates and edges share. */
export const SHARED_STORES = STORES.filter((store): store is SharedStore => store.isShared);

/** A row of the table. */
export function storeNamed(name: string): Store {
  const store = ALL_STORES.find((row) => row.name === name);
  if (!store) throw new TypeError(`no store is named ${name}`);
  return store;
}
