import { createAnonymousAuthorizer } from './auth/anonymous.ts';
import { createOriginAuthorizer } from './auth/origin.ts';
import { breaker } from './cache/breaker.ts';
import { createFlights } from './cache/flights.ts';
import { retentionMs, type Ttls } from './cache/freshness.ts';
import { createInMemoryProvider } from './cache/inmemory.ts';
import { createKvProvider, type DescriptorNamespace } from './cache/kv.ts';
import { observed } from './cache/observed.ts';
import type { BlobDescriptorCacheProvider, StoreOptions } from './cache/provider.ts';
import { createRedisProvider } from './cache/redis.ts';
import { tiered } from './cache/tiered.ts';
import { deleteReach } from './cache/tombstone.ts';
import type { Config } from './config.ts';
import { createMemory, type Memory } from './memory.ts';
import { createOrigin } from './origin/client.ts';
import type { Upstream } from './upstream.ts';

/** What the Worker is bound to beside its variables. */
export interface Bindings {
  readonly DESCRIPTORS?: DescriptorNamespace;
}

/** Makes the one upstream of a configuration: the only place that names concrete backends. */
export function createUpstream(config: Config, bindings: Bindings): Upstream {
  const memory = createMemory(config.memory);
  const ttls: Ttls = { descriptorMs: config.descriptorTtlMs, pushExistenceMs: config.pushExistenceTtlMs };
  const isAnonymous = config.clientAuth === 'anonymous';
  const { underWayMs, unknownMs } = deleteReach(config.originTimeoutMs);
  const shared = createStore(config, bindings, memory, {
    retentionMs: retentionMs(ttls),
    maxReachMs: Math.max(underWayMs, unknownMs),
    isOpen: isAnonymous,
  });
  return {
    origin: createOrigin({
      url: config.originUrl,
      timeoutMs: config.originTimeoutMs,
      redirectHosts: config.redirectHosts,
      identity: !isAnonymous,
    }),
    descriptors: withMemoryTier(config, memory, shared),
    shared,
    authorizer: isAnonymous ? createAnonymousAuthorizer() : createOriginAuthorizer(memory),
    flights: createFlights(),
    ttls,
    cacheTimeoutMs: config.cacheTimeoutMs,
    readOnly: isAnonymous,
    deleteEnabled: config.deleteEnabled,
  };
}

function createStore(
  { backend }: Config,
  { DESCRIPTORS }: Bindings,
  memory: Memory,
  options: StoreOptions,
): BlobDescriptorCacheProvider {
  switch (backend.kind) {
    case 'redis':
      return breaker(observed('redis', createRedisProvider(backend, options)));
    case 'inmemory':
      return observed('memory', createInMemoryProvider(memory, { ttlMs: options.retentionMs, keepsGlobal: true }));
    case 'kv':
      if (!DESCRIPTORS) throw new TypeError('parseConfig lets no configuration pass that has no DESCRIPTORS');
      return breaker(observed('kv', createKvProvider(DESCRIPTORS, options)));
  }
}

function withMemoryTier(config: Config, memory: Memory, shared: BlobDescriptorCacheProvider) {
  if (config.backend.kind === 'inmemory' || config.memory.ttlMs === 0) return shared;
  return tiered(observed('memory', createInMemoryProvider(memory, { ttlMs: config.memory.ttlMs })), shared);
}
