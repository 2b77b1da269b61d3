import { createAbsences } from './access/absences.ts';
import { createAnonymousAuthorizer } from './access/anonymousAuthorizer.ts';
import { createAccess } from './assembleAccess.ts';
import { createBytes } from './assembleBytes.ts';
import { createCaches } from './assembleCaches.ts';
import { createOwnHandshake, MAX_TOKEN_MS } from './assembleHandshake.ts';
import type { ByteStore } from './bytes/byteStore.ts';
import { retentionMs, type Ttls } from './cache/freshness.ts';
import type { Config } from './config/config.ts';
import type { UpstreamConfig } from './config/upstream.ts';
import { type Budget, createBudget, createPool } from './http/body/budget.ts';
import { createCopies } from './http/body/copies.ts';
import { createBaseAnswers } from './isolate/baseAnswers.ts';
import { createForeignHosts } from './isolate/foreignHosts.ts';
import { createHashedUploads } from './isolate/hashedUploads.ts';
import { createLists } from './isolate/lists.ts';
import { createMemory, type Memory } from './isolate/memory.ts';
import { createRecentLosses } from './isolate/recentLosses.ts';
import { createRecentTags } from './isolate/recentTags.ts';
import { createRecentUploads } from './isolate/recentUploads.ts';
import { createRetryAfter } from './isolate/retryAfter.ts';
import { createFlights } from './isolate/singleFlight.ts';
import { storePrefix } from './oci/alias.ts';
import { createNames } from './oci/names.ts';
import { createOrigin } from './origin/client.ts';
import { createEdgeRealm } from './origin/edgeRealm.ts';
import { NO_HANDSHAKE } from './origin/handshake.ts';
import { MAX_MANIFEST_BYTES } from './origin/manifests.ts';
import { createPolicies, longestTagMs } from './policy/policies.ts';
import { createPullsAlone } from './pulls/alone.ts';
import { createPulls } from './pulls/pulls.ts';
import type { OpenCounter } from './stores/backend.ts';
import type { StoreOptions } from './stores/options.ts';
import type { Store } from './stores/store.ts';
import { tombstoneDurations } from './stores/tombstone.ts';
import type { BlobBytes } from './upstream/blobBytes.ts';
import type { Upstream } from './upstream/upstream.ts';
import { createUpstreams, type Upstreams } from './upstream/upstreams.ts';

/** For all bodies that are held at the same time; an isolate has 128 MB. */
const MAX_BODIES_BYTES = 32 * 1024 * 1024;

/** For what token servers are sent and say: manifests on their way must not keep a mirror from its tokens. */
const MAX_TOKEN_BODIES_BYTES = 2 * 1024 * 1024;

/**
 * Absences have a memory of their own, since callers without proven access cause them and must not evict anything else.
 */
const ABSENCE_BOUNDS = { entries: 1_000, bytes: 1024 * 1024 };

/** The configuration with a backend that opens a store, what counts pulls, and a store of bytes. */
export type EdgeConfig = Config<(options: StoreOptions) => Store, OpenCounter, ByteStore>;

/** What the upstreams of one isolate share: its bounds, and bytes of blobs. */
export interface Isolate {
  readonly memory: Memory;
  /** The memory of absences. */
  readonly absences: Memory;
  readonly bytes: BlobBytes | undefined;
  /** Creates the budget of an upstream for the bodies that it holds. */
  createBodies(): Budget;
  /** The same for what its token server is sent and says. */
  createTokenBodies(): Budget;
}

export function createIsolate({
  memory,
  upstreams,
  bytes,
}: Pick<EdgeConfig, 'memory' | 'upstreams' | 'bytes'>): Isolate {
  const sharesOf = (maxBytes: number) => {
    const pool = createPool(maxBytes);
    // One upstream whose answers stall takes no more than half of the room from the others.
    return () => createBudget(upstreams.length > 1 ? maxBytes / 2 : maxBytes, pool);
  };
  return {
    memory: createMemory(memory),
    absences: createMemory(ABSENCE_BOUNDS),
    bytes: bytes && createBytes(bytes),
    createBodies: sharesOf(MAX_BODIES_BYTES),
    createTokenBodies: sharesOf(MAX_TOKEN_BODIES_BYTES),
  };
}

/** Creates all upstreams of an isolate. */
export function createAll(edge: EdgeConfig): Upstreams {
  const isolate = createIsolate(edge);
  return createUpstreams(edge.upstreams, (config) => createUpstream(edge.backend, config, isolate));
}

/** Creates an upstream. This is the only place that names concrete parts. */
export function createUpstream(backend: EdgeConfig['backend'], config: UpstreamConfig, isolate: Isolate): Upstream {
  const { alias, defaultNamespace, chosenBy, tokens } = config;
  const bodies = isolate.createBodies();
  const tokenBodies = isolate.createTokenBodies();
  // Its alias keeps what the isolate and the stores hold for it apart from other upstreams.
  const memory = isolate.memory.ofUpstream(alias);
  const absences = isolate.absences.ofUpstream(alias);
  const ownQueries = queriesOf([...config.mirroredHosts, ...chosenBy.ns]);
  const { allowsWrites } = config;
  const { cooldown } = config.policies;
  // Users of the edge's own are none of the origin's.
  const asksItself = config.clientAuth !== 'origin';
  const askedAs = asksItself ? 'nobody' : 'caller';
  const hasPullOnly = asksItself || tokens?.hasPullOnly === true;
  const ttls: Ttls = {
    // These apply only where callers may push.
    pushExistenceMs: allowsWrites ? config.pushExistenceTtlMs : 0,
    pushStaleMs: allowsWrites && config.pushExistenceTtlMs > 0 ? config.pushStaleMs : 0,
    // These apply only where some callers may not push.
    descriptorMs: hasPullOnly ? config.descriptorTtlMs : 0,
    tagMs: hasPullOnly ? config.tagTtlMs : 0,
    longestTagMs: longestTagMs(config.policies, hasPullOnly ? config.tagTtlMs : undefined),
    staleMs: hasPullOnly ? config.staleIfErrorMs : 0,
  };
  const keys = { prefix: storePrefix(alias, config.account), origin: config.originUrl.href };
  const { inProgressMs, unknownOutcomeMs } = tombstoneDurations(config.originTimeoutMs);
  const { shared, tags, history, ...cache } = createCaches(
    { backend, bodies, memoryTtlMs: config.memoryTtlMs },
    {
      ...keys,
      ...{ memory, askedAs },
      retentionMs: retentionMs(ttls),
      maxClearedForMs: Math.max(inProgressMs, unknownOutcomeMs),
    },
  );
  const { declared, isExpected } = config.pullBudget;
  const counter = backend.openCounter?.(keys, declared) ?? createPullsAlone(declared);
  const realms = { origin: config.originUrl, allowed: config.tokenRealms };
  const tokenTimeoutMs = Math.min(config.originTimeoutMs, MAX_TOKEN_MS);
  const handshake = asksItself
    ? createOwnHandshake(config, realms, { memory, bodies: tokenBodies, timeoutMs: tokenTimeoutMs })
    : NO_HANDSHAKE;
  const origin = createOrigin({
    url: config.originUrl,
    timeoutMs: config.originTimeoutMs,
    redirectHosts: config.redirectHosts,
    ...{ bodies, askedAs, handshake },
  });
  const names = createNames({ namespace: defaultNamespace });
  const hasRealm = config.tokenRealm === 'edge' && !asksItself;
  const upstream: Upstream = {
    alias,
    origin,
    descriptors: cache.descriptors,
    contents: cache.contents,
    shared: shared.descriptors,
    bytes: isolate.bytes,
    tags,
    bodies,
    copies: createCopies(MAX_MANIFEST_BYTES, bodies),
    lists: createLists(memory, config.listTtlMs),
    baseAnswers: createBaseAnswers(memory),
    ...createAccess(config, memory),
    forPullers: undefined,
    absences: createAbsences(absences, retentionMs(ttls)),
    flights: createFlights(),
    recentLosses: createRecentLosses(memory),
    recentTags: createRecentTags(memory),
    recentUploads: createRecentUploads(memory, ttls.pushExistenceMs),
    hashedUploads: createHashedUploads(memory),
    // An origin that the edge asks itself cannot tell callers apart.
    retryAfter: createRetryAfter(memory, asksItself ? () => '' : ({ caller }) => caller),
    // Where the origin judges callers, it counts the pulls of each.
    pulls: asksItself ? createPulls(counter, isExpected) : undefined,
    ttls,
    cacheTimeoutMs: config.cacheTimeoutMs,
    askedAs,
    allowsWrites,
    policies: createPolicies(config.policies),
    cooldown: cooldown && history && { ...cooldown, history: history(cooldown) },
    lendsAccount: config.account !== undefined,
    keepsDeleted: config.keepsDeleted,
    deleteEnabled: config.deleteEnabled,
    followsRedirects: config.blobRedirect === 'follow',
    directUploads: config.uploadOrigin === 'direct',
    names,
    edgeRealm: hasRealm
      ? createEdgeRealm({ origin, realms, names, bodies: tokenBodies, timeoutMs: tokenTimeoutMs })
      : undefined,
    eventsToken: config.eventsToken,
    ownQueries,
    foreignHosts: createForeignHosts(ownQueries),
  };
  return asksItself ? { ...upstream, forPullers: { ...upstream, authorizer: createAnonymousAuthorizer() } } : upstream;
}

/** Returns the queries that name this origin's own content: `?ns=` as containerd writes it, and unescaped. */
function queriesOf(hosts: readonly string[]): ReadonlySet<string> {
  return new Set(['', ...hosts.flatMap((host) => [`?ns=${host}`, `?ns=${encodeURIComponent(host)}`])]);
}
