import { createAbsences } from './access/absences.ts';
import { createAnonymousAuthorizer } from './access/anonymousAuthorizer.ts';
import type { Authorizer } from './access/authorizer.ts';
import { createOriginAuthorizer } from './access/originAuthorizer.ts';
import { createTokenAuthorizer } from './access/tokenAuthorizer.ts';
import { createTokenKeys } from './access/tokenKeys.ts';
import { createTokenVerifier } from './access/tokenVerifier.ts';
import { bounded } from './cache/bounded.ts';
import { retentionMs, type Ttls } from './cache/freshness.ts';
import { createBreaker, guarded } from './cache/guarded.ts';
import { createCache, type RegistryCache } from './cache/registryCache.ts';
import { createTags, type Tags } from './cache/tags.ts';
import { tiered } from './cache/tiered.ts';
import type { Config } from './config/config.ts';
import { type Budget, createBudget } from './http/body/budget.ts';
import { createCopies } from './http/body/copies.ts';
import type { TokenSettings } from './http/tokenSettings.ts';
import { createBaseAnswers } from './isolate/baseAnswers.ts';
import { createForeignHosts } from './isolate/foreignHosts.ts';
import { createHashedUploads } from './isolate/hashedUploads.ts';
import { createLists } from './isolate/lists.ts';
import { createMemory, type Memory } from './isolate/memory.ts';
import { createRecentTags } from './isolate/recentTags.ts';
import { createRecentUploads } from './isolate/recentUploads.ts';
import { createRetryAfter } from './isolate/retryAfter.ts';
import { createFlights } from './isolate/singleFlight.ts';
import { createShortNames } from './oci/shortNames.ts';
import { createAnonymousTokens } from './origin/anonymousTokens.ts';
import { createOrigin } from './origin/client.ts';
import { createHandshake, type Handshake, NO_HANDSHAKE } from './origin/handshake.ts';
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
import { tombstoneDurations } from './stores/tombstone.ts';
import type { Upstream } from './upstream/upstream.ts';

/** The backends of the cache; the first is the default of `BLOBDESCRIPTOR`. */
export const BACKENDS: readonly StoreBackend[] = [durableBackend, kvBackend, redisBackend, inMemoryBackend];

/** For all bodies that are held at the same time; an isolate has 128 MB. */
const MAX_BODIES_BYTES = 32 * 1024 * 1024;

/**
 * Absences have a memory of their own, since callers without proven access cause them and must not evict anything else.
 */
const ABSENCE_BOUNDS = { entries: 1_000, bytes: 1024 * 1024 };

/** The configuration with a backend that opens a store. */
export type EdgeConfig = Config<(options: StoreOptions) => Store>;

/** What the upstreams of one isolate share: its bounds. */
export interface Isolate {
  readonly memory: Memory;
  readonly bodies: Budget;
}

export function createIsolate({ memory }: EdgeConfig): Isolate {
  return { memory: createMemory(memory), bodies: createBudget(MAX_BODIES_BYTES) };
}

/**
 * Creates an upstream. This is the only place that names concrete parts.
 * @param alias keeps what the isolate and the stores hold for it apart from other upstreams; empty for the default one
 */
export function createUpstream(config: EdgeConfig, isolate = createIsolate(config), alias = ''): Upstream {
  const { bodies } = isolate;
  const ownQueries = queriesOf(config.mirroredHosts);
  const memory = isolate.memory.ofUpstream(alias);
  const isAnonymous = config.clientAuth === 'anonymous';
  const askedAs = isAnonymous ? 'nobody' : 'caller';
  const { tokens: tokenSettings } = config;
  const hasPullOnly = isAnonymous || tokenSettings?.hasPullOnly === true;
  const ttls: Ttls = {
    // These apply only where callers may push.
    pushExistenceMs: isAnonymous ? 0 : config.pushExistenceTtlMs,
    pushStaleMs: isAnonymous || config.pushExistenceTtlMs === 0 ? 0 : config.pushStaleMs,
    // These apply only where some callers may not push.
    descriptorMs: hasPullOnly ? config.descriptorTtlMs : 0,
    tagMs: hasPullOnly ? config.tagTtlMs : 0,
    staleMs: hasPullOnly ? config.staleIfErrorMs : 0,
  };
  const { inProgressMs, unknownOutcomeMs } = tombstoneDurations(config.originTimeoutMs);
  const { shared, tags, ...cache } = createCaches(config, bodies, {
    ...{ alias, memory, askedAs, origin: config.originUrl.href },
    retentionMs: retentionMs(ttls),
    maxClearedForMs: Math.max(inProgressMs, unknownOutcomeMs),
  });
  return {
    origin: createOrigin({
      url: config.originUrl,
      timeoutMs: config.originTimeoutMs,
      redirectHosts: config.redirectHosts,
      bodies,
      askedAs,
      handshake: isAnonymous ? createAnonymousHandshake(config, isolate.bodies, memory) : NO_HANDSHAKE,
    }),
    descriptors: cache.descriptors,
    contents: cache.contents,
    shared: shared.descriptors,
    tags,
    bodies,
    copies: createCopies(MAX_MANIFEST_BYTES, bodies),
    lists: createLists(memory, config.listTtlMs),
    baseAnswers: createBaseAnswers(memory),
    authorizer: isAnonymous ? createAnonymousAuthorizer() : createCallerAuthorizer(tokenSettings, memory),
    absences: createAbsences(createMemory(ABSENCE_BOUNDS), retentionMs(ttls)),
    flights: createFlights(),
    recentTags: createRecentTags(memory),
    recentUploads: createRecentUploads(memory, ttls.pushExistenceMs),
    hashedUploads: createHashedUploads(memory),
    // The origin of an open mirror cannot tell its callers apart.
    retryAfter: createRetryAfter(memory, isAnonymous ? () => '' : ({ caller }) => caller),
    ttls,
    cacheTimeoutMs: config.cacheTimeoutMs,
    askedAs,
    allowsWrites: !isAnonymous,
    deleteEnabled: config.deleteEnabled,
    followsRedirects: config.blobRedirect === 'follow',
    directUploads: config.uploadOrigin === 'direct',
    shortNames: config.defaultNamespace && createShortNames(config.defaultNamespace),
    ownQueries,
    foreignHosts: createForeignHosts(ownQueries),
  };
}

/** The token server of an origin is waited for no longer than this. */
const MAX_TOKEN_MS = 10_000;

/** An origin that is asked as nobody may demand a token, which it gives to everybody. */
function createAnonymousHandshake(config: EdgeConfig, bodies: Budget, memory: Memory): Handshake {
  const timeoutMs = Math.min(config.originTimeoutMs, MAX_TOKEN_MS);
  const realms = { origin: config.originUrl, allowed: config.tokenRealms };
  return createHandshake(realms, createAnonymousTokens({ memory, bodies, timeoutMs }));
}

/** The origin judges every credential, but for the tokens that the edge can verify. */
function createCallerAuthorizer(settings: TokenSettings | undefined, memory: Memory): Authorizer {
  const origin = createOriginAuthorizer(memory);
  if (!settings) return origin;
  const verifier = createTokenVerifier(settings, createTokenKeys(settings), memory);
  return createTokenAuthorizer(origin, verifier, settings.isPullOnly);
}

/** Returns the queries that name this origin's own content: `?ns=` as containerd writes it, and unescaped. */
function queriesOf(hosts: readonly string[]): ReadonlySet<string> {
  return new Set(['', ...hosts.flatMap((host) => [`?ns=${host}`, `?ns=${encodeURIComponent(host)}`])]);
}

interface Caches extends RegistryCache {
  /** The store alone, without this isolate's memory in front of it. */
  readonly shared: RegistryCache;
  readonly tags: Tags;
}

/** Opens the store, and puts a breaker, a bound for content and this isolate's memory in front of it. */
function createCaches({ backend, memory: { ttlMs } }: EdgeConfig, bodies: Budget, options: StoreOptions): Caches {
  const store = backend.open(options);
  const cache = createCache(store);
  // Nobody waits for what is in this isolate's memory, and it is bounded already.
  const shared = !store.isShared ? cache : bounded(bodies, MAX_MANIFEST_BYTES, guarded(createBreaker(), cache));
  const isTiered = store.isShared && ttlMs > 0;
  const all = isTiered ? tiered(createCache(createMemoryTier(options.memory, ttlMs)), shared) : shared;
  return { ...all, shared, tags: all.tags ?? tagsInMemory(options) };
}

/** Keeps tags in this isolate's memory, for a store that keeps none. */
function tagsInMemory(options: StoreOptions): Tags {
  const { memory, retentionMs, maxClearedForMs } = options;
  return createTags(MEMORY_NAME, createInMemoryTags(memory, retentionMs + maxClearedForMs));
}
