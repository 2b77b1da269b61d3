import { createAbsences } from './absences.ts';
import { createAnonymousAuthorizer } from './auth/anonymous.ts';
import { createOriginAuthorizer } from './auth/origin.ts';
import { createBudget } from './body/budget.ts';
import { createCopies } from './body/copies.ts';
import { createBreaker, guarded, guardedContents, guardedTags } from './cache/breaker.ts';
import { boundedContents, type Contents, tieredContents, verified } from './cache/contents.ts';
import { createInMemoryContents } from './cache/contentsInMemory.ts';
import { kvContents } from './cache/contentsKv.ts';
import { redisContents } from './cache/contentsRedis.ts';
import { createFlights } from './cache/flights.ts';
import { retentionMs, type Ttls } from './cache/freshness.ts';
import { createInMemoryDescriptors } from './cache/inmemory.ts';
import { createKvDescriptors, type DescriptorNamespace } from './cache/kv.ts';
import { observed } from './cache/observed.ts';
import { type BlobDescriptorCacheProvider, CONTENT_TIMEOUT_MS, type StoreOptions } from './cache/provider.ts';
import { createProvider } from './cache/records.ts';
import { createRedisDescriptors } from './cache/redis.ts';
import { createRedis } from './cache/redisClient.ts';
import type { Tags } from './cache/tags.ts';
import { createInMemoryTags } from './cache/tagsInMemory.ts';
import { createRedisTags } from './cache/tagsRedis.ts';
import { tiered } from './cache/tiered.ts';
import { tombstoneDurations } from './cache/tombstone.ts';
import type { Config } from './config.ts';
import { createLists } from './lists.ts';
import { createMemory, type Memory } from './memory.ts';
import { createOrigin } from './origin/client.ts';
import { MAX_MANIFEST_BYTES } from './origin/manifests.ts';
import { createRetryAfter } from './pauses.ts';
import type { Upstream } from './upstream.ts';

/** Of all bodies that are held at the same time; an isolate has 128 MB. */
const MAX_BODIES_BYTES = 32 * 1024 * 1024;

/** Apart from what is known: strangers make these. */
const ABSENCES = { entries: 1_000, bytes: 1024 * 1024 };

/** What the Worker is bound to beside its variables. */
export interface Bindings {
  readonly DESCRIPTORS?: DescriptorNamespace;
}

/** What all isolates share, or the isolate's memory where there is nothing else. */
interface Stores {
  readonly descriptors: BlobDescriptorCacheProvider;
  readonly contents: Contents;
  readonly tags: Tags;
}

/** Makes the one upstream of a configuration: the only place that names concrete backends. */
export function createUpstream(config: Config, bindings: Bindings): Upstream {
  const memory = createMemory(config.memory);
  const bodies = createBudget(MAX_BODIES_BYTES);
  const isAnonymous = config.clientAuth === 'anonymous';
  const ttls: Ttls = {
    descriptorMs: config.descriptorTtlMs,
    // Of use where callers may push, and where they only pull.
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
      identity: !isAnonymous,
    }),
    ...withMemoryTier(config, memory, stores),
    shared: stores.descriptors,
    tags: stores.tags,
    bodies,
    copies: createCopies(MAX_MANIFEST_BYTES, bodies),
    lists: createLists(memory, config.listTtlMs),
    authorizer: isAnonymous ? createAnonymousAuthorizer() : createOriginAuthorizer(memory),
    absences: createAbsences(createMemory(ABSENCES), retentionMs(ttls)),
    flights: createFlights(),
    // To an open mirror's origin all callers are one.
    retryAfter: createRetryAfter(memory, isAnonymous ? () => '' : ({ caller }) => caller),
    ttls,
    cacheTimeoutMs: config.cacheTimeoutMs,
    readOnly: isAnonymous,
    deleteEnabled: config.deleteEnabled,
    followsRedirects: config.blobRedirect === 'follow',
    directUploads: config.uploadOrigin === 'direct',
    ownQueries: ownQueries(config.mirroredHosts),
  };
}

/** As containerd writes it, and as people do. */
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
  // A pointer that is past its time is worth a question, whether it still holds, and says what goes when the tag moves.
  const tagOptions = { ...options, ttlMs };
  const breaker = createBreaker();
  switch (backend.kind) {
    case 'redis': {
      const redis = createRedis(backend);
      return {
        descriptors: guarded(
          breaker,
          observed('redis', createProvider(createRedisDescriptors(redis, options, backend.isShared))),
        ),
        contents: options.bounded(
          guardedContents(breaker, verified('redis', redisContents(createRedis(backend, CONTENT_TIMEOUT_MS), ttlMs))),
        ),
        tags: guardedTags(breaker, createRedisTags(redis, tagOptions)),
      };
    }
    case 'inmemory':
      return {
        descriptors: observed(
          'memory',
          createProvider(createInMemoryDescriptors(memory, { ttlMs, keepsGlobal: true })),
        ),
        contents: createInMemoryContents(memory, ttlMs, true),
        tags: createInMemoryTags(memory, tagOptions),
      };
    case 'kv':
      if (!DESCRIPTORS) throw new TypeError('parseConfig lets no configuration pass that has no DESCRIPTORS');
      return {
        descriptors: guarded(breaker, observed('kv', createProvider(createKvDescriptors(DESCRIPTORS, options)))),
        contents: options.bounded(guardedContents(breaker, verified('kv', kvContents(DESCRIPTORS, ttlMs)))),
        // KV lags longer than a tag may be believed.
        tags: createInMemoryTags(memory, tagOptions),
      };
  }
}

/** An isolate's memory before the store that all share. */
function withMemoryTier({ backend, memory: { ttlMs } }: Config, memory: Memory, { descriptors, contents }: Stores) {
  if (backend.kind === 'inmemory' || ttlMs === 0) return { descriptors, contents };
  return {
    descriptors: tiered(observed('memory', createProvider(createInMemoryDescriptors(memory, { ttlMs }))), descriptors),
    contents: tieredContents(createInMemoryContents(memory, ttlMs, false), contents),
  };
}
