import { bounded } from './cache/bounded.ts';
import { createBreaker, guarded } from './cache/guarded.ts';
import { createCache, type RegistryCache } from './cache/registryCache.ts';
import { createTags, type Tags } from './cache/tags.ts';
import { tiered } from './cache/tiered.ts';
import type { ChosenBackend } from './config/backend.ts';
import type { Budget } from './http/body/budget.ts';
import { MAX_MANIFEST_BYTES } from './origin/manifests.ts';
import type { StoreBackend } from './stores/backend.ts';
import { durableBackend } from './stores/durable/backend.ts';
import { kvBackend } from './stores/kv/backend.ts';
import { inMemoryBackend } from './stores/memory/backend.ts';
import { createMemoryTier, MEMORY_NAME } from './stores/memory/store.ts';
import { createInMemoryTags } from './stores/memory/tags.ts';
import type { StoreOptions } from './stores/options.ts';
import { redisBackend } from './stores/redis/backend.ts';
import type { Store } from './stores/store.ts';

/** The backends of the cache; the first is the default of `BLOBDESCRIPTOR`. */
export const BACKENDS: readonly StoreBackend[] = [durableBackend, kvBackend, redisBackend, inMemoryBackend];

export interface Caches extends RegistryCache {
  /** The store alone, without this isolate's memory in front of it. */
  readonly shared: RegistryCache;
  readonly tags: Tags;
  /** Absent if the store keeps none. */
  readonly history: Store['history'];
}

interface CachesOptions {
  readonly backend: ChosenBackend<(options: StoreOptions) => Store>;
  readonly bodies: Budget;
  /** `MEMORY_TTL` in ms. */
  readonly memoryTtlMs: number;
}

/** Opens the store, and puts a breaker, a bound for content and this isolate's memory in front of it. */
export function createCaches({ backend, bodies, memoryTtlMs }: CachesOptions, options: StoreOptions): Caches {
  const store = backend.open(options);
  const cache = createCache(store);
  // Nobody waits for what is in this isolate's memory, and it is bounded already.
  const shared = !store.isShared ? cache : bounded(bodies, MAX_MANIFEST_BYTES, guarded(createBreaker(), cache));
  const isTiered = store.isShared && memoryTtlMs > 0;
  const all = isTiered ? tiered(createCache(createMemoryTier(options.memory, memoryTtlMs)), shared) : shared;
  return { ...all, shared, tags: all.tags ?? tagsInMemory(options), history: store.history };
}

/** Keeps tags in this isolate's memory, for a store that keeps none. */
function tagsInMemory(options: StoreOptions): Tags {
  const { memory, retentionMs, maxClearedForMs } = options;
  return createTags(MEMORY_NAME, createInMemoryTags(memory, retentionMs + maxClearedForMs));
}
