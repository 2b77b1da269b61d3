import { createAbsences } from './access/absences.ts';
import { createAnonymousAuthorizer } from './access/anonymousAuthorizer.ts';
import { createOriginAuthorizer } from './access/originAuthorizer.ts';
import { createProvider } from './cache/descriptors.ts';
import { retentionMs, type Ttls } from './cache/freshness.ts';
import type { Config } from './config/config.ts';
import { createBudget } from './http/body/budget.ts';
import { createCopies } from './http/body/copies.ts';
import { createLists } from './isolate/lists.ts';
import { createMemory, type Memory } from './isolate/memory.ts';
import { createRetryAfter } from './isolate/retryAfter.ts';
import { createFlights } from './isolate/singleFlight.ts';
import { createOrigin } from './origin/client.ts';
import { MAX_MANIFEST_BYTES } from './origin/manifests.ts';
import { boundedContents } from './stores/bounded.ts';
import { createBreaker, guardedContents, guardedDescriptors, guardedTags } from './stores/breaker.ts';
import type { Contents } from './stores/contents.ts';
import type { BlobDescriptorCacheProvider } from './stores/descriptors.ts';
import { createKvContents } from './stores/kv/contents.ts';
import { createKvDescriptors } from './stores/kv/descriptors.ts';
import type { DescriptorNamespace } from './stores/kv/namespace.ts';
import { createInMemoryContents } from './stores/memory/contents.ts';
import { createInMemoryDescriptors } from './stores/memory/descriptors.ts';
import { createInMemoryTags } from './stores/memory/tags.ts';
import { observedDescriptors } from './stores/observed.ts';
import { CONTENT_TIMEOUT_MS, type StoreOptions } from './stores/options.ts';
import { createRedis } from './stores/redis/client.ts';
import { createRedisContents } from './stores/redis/contents.ts';
import { createRedisDescriptors } from './stores/redis/descriptors.ts';
import { createRedisTags } from './stores/redis/tags.ts';
import type { Tags } from './stores/tags.ts';
import { tieredDescriptors } from './stores/tiered.ts';
import { tieredContents } from './stores/tieredContents.ts';
import { tombstoneDurations } from './stores/tombstone.ts';
import { verifiedContents } from './stores/verified.ts';
import type { Upstream } from './upstream/upstream.ts';

/** For all bodies that are held at the same time; an isolate has 128 MB. */
const MAX_BODIES_BYTES = 32 * 1024 * 1024;

/**
 * Absences have a memory of their own, since callers without proven access cause them and must not evict anything else.
 */
const ABSENCE_BOUNDS = { entries: 1_000, bytes: 1024 * 1024 };

/** The Worker's bindings, in addition to its variables. */
export interface Bindings {
  readonly DESCRIPTORS?: DescriptorNamespace;
}

/** The stores that all isolates share, or this isolate's memory where there is no shared one. */
interface Stores {
  readonly descriptors: BlobDescriptorCacheProvider;
  readonly contents: Contents;
  readonly tags: Tags;
}

/** Creates the one upstream of a configuration. This is the only place that names concrete parts. */
export function createUpstream(config: Config, bindings: Bindings): Upstream {
  const memory = createMemory(config.memory);
  const bodies = createBudget(MAX_BODIES_BYTES);
  const isAnonymous = config.clientAuth === 'anonymous';
  const askedAs = isAnonymous ? 'nobody' : 'caller';
  const ttls: Ttls = {
    descriptorMs: config.descriptorTtlMs,
    // The first applies only where callers may push, the others only where nobody may.
    pushExistenceMs: isAnonymous ? 0 : config.pushExistenceTtlMs,
    tagMs: isAnonymous ? config.tagTtlMs : 0,
    staleMs: isAnonymous ? config.staleIfErrorMs : 0,
  };
  const { inProgressMs, unknownOutcomeMs } = tombstoneDurations(config.originTimeoutMs);
  const stores = createStores(config, bindings, memory, {
    bounded: (contents) => boundedContents(bodies, contents, MAX_MANIFEST_BYTES),
    retentionMs: retentionMs(ttls),
    maxClearedForMs: Math.max(inProgressMs, unknownOutcomeMs),
    isOpen: isAnonymous,
  });
  return {
    origin: createOrigin({
      url: config.originUrl,
      timeoutMs: config.originTimeoutMs,
      redirectHosts: config.redirectHosts,
      bodies,
      askedAs,
    }),
    ...withMemoryTier(config, memory, stores),
    shared: stores.descriptors,
    tags: stores.tags,
    bodies,
    copies: createCopies(MAX_MANIFEST_BYTES, bodies),
    lists: createLists(memory, config.listTtlMs),
    authorizer: isAnonymous ? createAnonymousAuthorizer() : createOriginAuthorizer(memory),
    absences: createAbsences(createMemory(ABSENCE_BOUNDS), retentionMs(ttls)),
    flights: createFlights(),
    // The origin of an open mirror cannot tell its callers apart.
    retryAfter: createRetryAfter(memory, isAnonymous ? () => '' : ({ caller }) => caller),
    ttls,
    cacheTimeoutMs: config.cacheTimeoutMs,
    askedAs,
    allowsWrites: !isAnonymous,
    deleteEnabled: config.deleteEnabled,
    followsRedirects: config.blobRedirect === 'follow',
    directUploads: config.uploadOrigin === 'direct',
    ownQueries: ownQueries(config.mirroredHosts),
  };
}

/** Returns the queries that name this origin's own content: `?ns=` as containerd writes it, and unescaped. */
function ownQueries(hosts: readonly string[]): ReadonlySet<string> {
  return new Set(['', ...hosts.flatMap((host) => [`?ns=${host}`, `?ns=${encodeURIComponent(host)}`])]);
}

function createStores(
  { backend }: Config,
  { DESCRIPTORS }: Bindings,
  memory: Memory,
  options: StoreOptions & { readonly bounded: (contents: Contents) => Contents },
): Stores {
  const { retentionMs: ttlMs } = options;
  // A tag's pointer outlives the time for which it may answer: it can be revalidated, and it names what to evict when
  // the tag moves.
  const tagOptions = { ...options, ttlMs };
  const breaker = createBreaker();
  switch (backend.kind) {
    case 'redis': {
      const redis = createRedis(backend);
      return {
        descriptors: guardedDescriptors(
          breaker,
          observedDescriptors('redis', createProvider(createRedisDescriptors(redis, options, backend.isShared))),
        ),
        contents: options.bounded(
          guardedContents(
            breaker,
            verifiedContents('redis', createRedisContents(createRedis(backend, CONTENT_TIMEOUT_MS), ttlMs)),
          ),
        ),
        tags: guardedTags(breaker, createRedisTags(redis, tagOptions)),
      };
    }
    case 'inmemory':
      return {
        descriptors: observedDescriptors(
          'memory',
          createProvider(createInMemoryDescriptors(memory, { ttlMs, keepsGlobal: true })),
        ),
        contents: createInMemoryContents(memory, ttlMs, true),
        tags: createInMemoryTags(memory, tagOptions),
      };
    case 'kv':
      if (!DESCRIPTORS) throw new TypeError('DESCRIPTORS is not bound, which parseConfig should have reported');
      return {
        descriptors: guardedDescriptors(
          breaker,
          observedDescriptors('kv', createProvider(createKvDescriptors(DESCRIPTORS, options))),
        ),
        contents: options.bounded(
          guardedContents(breaker, verifiedContents('kv', createKvContents(DESCRIPTORS, ttlMs))),
        ),
        // KV lags behind for longer than a tag's pointer may be trusted.
        tags: createInMemoryTags(memory, tagOptions),
      };
  }
}

/** Puts this isolate's memory in front of the shared stores. */
function withMemoryTier({ backend, memory: { ttlMs } }: Config, memory: Memory, { descriptors, contents }: Stores) {
  if (backend.kind === 'inmemory' || ttlMs === 0) return { descriptors, contents };
  return {
    descriptors: tieredDescriptors(
      observedDescriptors('memory', createProvider(createInMemoryDescriptors(memory, { ttlMs }))),
      descriptors,
    ),
    contents: tieredContents(createInMemoryContents(memory, ttlMs, false), contents),
  };
}
