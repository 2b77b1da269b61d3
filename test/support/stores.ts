import { env } from 'cloudflare:workers';
import { createProvider } from '../../src/cache/descriptors.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { MAX_MANIFEST_BYTES } from '../../src/origin/manifests.ts';
import type { Contents } from '../../src/stores/contents.ts';
import type { BlobDescriptorCacheProvider } from '../../src/stores/descriptors.ts';
import { createKvContents } from '../../src/stores/kv/contents.ts';
import { createKvDescriptors } from '../../src/stores/kv/descriptors.ts';
import { createInMemoryContents } from '../../src/stores/memory/contents.ts';
import { createInMemoryDescriptors } from '../../src/stores/memory/descriptors.ts';
import { createInMemoryTags } from '../../src/stores/memory/tags.ts';
import type { StoreOptions } from '../../src/stores/options.ts';
import { createRedis } from '../../src/stores/redis/client.ts';
import { createRedisContents } from '../../src/stores/redis/contents.ts';
import { createRedisDescriptors } from '../../src/stores/redis/descriptors.ts';
import { createRedisTags } from '../../src/stores/redis/tags.ts';
import type { Tags } from '../../src/stores/tags.ts';
import { verifiedContents } from '../../src/stores/verified.ts';
import type { StoreName } from '../../src/telemetry/events.ts';
import type { EdgeOptions } from './edge.ts';
import { FAILING_KV, slowKv } from './kvStore.ts';
import { ADDRESS, NO_REDIS, REDIS, redis, UNREACHABLE } from './redisStore.ts';
import { createScriptedServer } from './scripted.ts';

/** What a store keeps, before any wrapper. */
export interface Opened {
  readonly descriptors: BlobDescriptorCacheProvider;
  readonly contents: Contents;
  /** Absent where the store keeps no tags of its own: the edge then keeps them in the isolate's memory. */
  readonly tags?: Tags;
}

/** How a whole edge is put before a store. */
export interface EdgeOnStore {
  readonly variables: Record<string, string>;
  readonly options: EdgeOptions;
}

/** A store that the cache can be kept in, for the suites of the stores and for tests of a whole edge. */
export interface Store {
  /** As `Cache-Status` names it. */
  readonly name: StoreName;
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
  open(options?: Partial<StoreOptions>): Opened;
  /** Opens it so that every request fails. Absent for memory, which cannot fail. */
  openFailing?(options?: Partial<StoreOptions>): Opened;
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

export type SharedStoreName = Exclude<StoreName, 'memory'>;
export type SharedStore = Store & { readonly name: SharedStoreName };

export const HOUR_MS = 3_600_000;
const CACHE_TIMEOUT = '10s';
/** More than any test fills. */
const ROOMY = { entries: 1_000_000, bytes: 2 ** 30 };
/** Longer than the edge waits for an answer, shorter than a store may take in all. */
const SLOW_MS = 400;
const IMPATIENT = { CACHE_TIMEOUT: '100ms' };

const withDefaults = (options: Partial<StoreOptions> = {}): StoreOptions => ({
  retentionMs: HOUR_MS,
  isOpen: false,
  ...options,
});

function openKv(options?: Partial<StoreOptions>, namespace = env.DESCRIPTORS): Opened {
  const all = withDefaults(options);
  return {
    descriptors: createProvider(createKvDescriptors(namespace, all)),
    contents: verifiedContents('kv', createKvContents(namespace, all.retentionMs)),
  };
}

function openRedis(options?: Partial<StoreOptions>, address = ADDRESS): Opened {
  const all = withDefaults(options);
  const client = createRedis(address);
  return {
    descriptors: createProvider(createRedisDescriptors(client, all)),
    contents: verifiedContents('redis', createRedisContents(client, all.retentionMs)),
    tags: createRedisTags(client, { ...all, ttlMs: all.retentionMs }),
  };
}

/** The table of stores: a new backend is one row. Tests iterate over one of the lists below. */
export const ALL_STORES: readonly Store[] = [
  {
    name: 'memory',
    variables: { BLOBDESCRIPTOR: 'inmemory', CACHE_TIMEOUT },
    isAvailable: true,
    isShared: false,
    sharesTags: false,
    hasGlobalRecords: true,
    maxContentBytes: 256 * 1024,
    open(options) {
      const memory = createMemory(ROOMY);
      const { retentionMs: ttlMs, ...rest } = withDefaults(options);
      return {
        descriptors: createProvider(createInMemoryDescriptors(memory, { ttlMs, keepsGlobal: true })),
        contents: createInMemoryContents(memory, ttlMs, true),
        tags: createInMemoryTags(memory, { ...rest, ttlMs }),
      };
    },
  },
  {
    name: 'kv',
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
    name: 'redis',
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
export function storeNamed(name: StoreName): Store {
  const store = ALL_STORES.find((row) => row.name === name);
  if (!store) throw new TypeError(`no store is named ${name}`);
  return store;
}
