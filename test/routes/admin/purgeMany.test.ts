import { afterEach, describe, expect, it, vi } from 'vitest';
import type { KnownStore } from '../../../local/price/costs.ts';
import { batchesOf, eachInTurn } from '../../../src/async.ts';
import type { BlobDescriptorCacheProvider } from '../../../src/cache/provider.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { LINK_SETS, type LinkSet } from '../../../src/oci/links.ts';
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/name.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { contextOf } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../../support/events.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { ADMIN_TOKEN, NOTHING_REMOVED, type Purged, purge, purgeAll, queryOf } from '../../support/purge.ts';
import { redis, removeFromRedis } from '../../support/redisStore.ts';
import { SHARED_STORES, STORES, type Store } from '../../support/stores.ts';

const ROOMY = { MEMORY_ENTRIES: '100000', MEMORY_BYTES: '64MiB' };
const AT_ONCE = 20;
/** Digests per page of a purge. */
const PAGE = { memory: Number.POSITIVE_INFINITY, kv: 50, durable: Number.POSITIVE_INFINITY, redis: 500 };

/** Enough entries for several requests on Redis and KV, but few on KV, whose writes are slow. */
const COUNTS: Record<KnownStore, Record<LinkSet, number>> = {
  memory: { blobs: 5_000, manifests: 1_100 },
  kv: { blobs: 401, manifests: 51 },
  durable: { blobs: 5_000, manifests: 1_100 },
  redis: { blobs: 5_000, manifests: 51 },
};

/** What tests stored in Redis. */
const stored: [name: RepositoryName, digests: readonly Digest[]][] = [];

afterEach(async () => {
  for (const [name, digests] of stored.splice(0)) await removeFromRedis(name, digests);
});

/** Writes records as the edge does, in batches. */
async function writeToRedis(name: RepositoryName, links: LinkSet, digests: readonly Digest[], verified: number) {
  stored.push([name, digests]);
  const members = `repository::${name}::${links}`;
  for (let at = 0; at < digests.length; at += 500) {
    const write = redis.pipeline();
    for (const digest of digests.slice(at, at + 500)) {
      write.sadd(members, digest).hset(`${links}::${digest}`, { digest, size: 7, mediatype: 'a/b' });
      write.hset(`${members}::${digest}`, { mediatype: 'a/b', verified });
    }
    await write.exec();
  }
}

/** Creates an edge in front of a store that has many entries of one repository. */
async function prepare({ name: store, like, isShared, open }: Store) {
  const counts = COUNTS[like];
  const name = parseRepositoryName(uniqueName());
  let provider: BlobDescriptorCacheProvider | undefined;
  const upstream = (made: Upstream) => {
    // A shared store is opened past the edge.
    provider = isShared ? open().descriptors : made.descriptors;
    return made;
  };
  const edge = createMeteredEdge(store, { ...ROOMY, ADMIN_TOKEN, EVENTS_TOKEN }, { upstream });
  const ctx = contextOf(edge.clock);
  const content = LINK_SETS.map((links) => {
    const digests = Array.from({ length: counts[links] }, () => uniqueDigest());
    return { links, digests, scope: provider?.repositoryScoped(name, links) };
  });
  for (const { links, digests, scope } of content) {
    if (like === 'redis') await writeToRedis(name, links, digests, ctx.now());
    else {
      for (let at = 0; at < digests.length; at += AT_ONCE) {
        const batch = digests.slice(at, at + AT_ONCE);
        await Promise.all(batch.map((digest) => scope?.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))));
      }
    }
  }
  /** Counts which of eight entries, from the beginning, the middle and the end, are still stored. */
  async function countLeft(): Promise<number> {
    const lookups = content.flatMap(({ digests, scope }) =>
      [0, 1, Math.floor(digests.length / 2), digests.length - 1].map((at) => scope?.stat(ctx, digests[at] as Digest)),
    );
    return (await Promise.all(lookups)).filter((entry) => entry !== undefined).length;
  }
  expect(await countLeft()).toBe(8);
  edge.spent();
  return { name, edge, countLeft };
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** At most this many pages per request; each page lists, looks up and clears, and KV writes a tombstone per digest. */
const PAGES = 8;
/**
 * The most requests to the store for an event: eight pages with entries to clear, and lookups of pages cleared before.
 */
const MAX_EVENT_REQUESTS = { memory: 0, kv: 8 * 53 + 20, durable: 1, redis: 8 * 3 + 20 };
/** The most requests to the store for one request of a purge. */
const MAX_PURGE_REQUESTS = { memory: 0, kv: PAGES * (3 + PAGE.kv), durable: 1, redis: PAGES * 3 };

describe.each(SHARED_STORES)('a purge of a repository that fills the memory in front of $name', (store) => {
  it('takes no more than eight pages per request, and counts each entry once', { timeout: 60_000 }, async () => {
    const count = { memory: 0, kv: 1_000, durable: 5_000, redis: 5_000 }[store.like];
    const name = parseRepositoryName(uniqueName());
    let made: Upstream | undefined;
    const edge = createMeteredEdge(store.name, { ...ROOMY, ADMIN_TOKEN }, { upstream: (created) => (made = created) });
    const ctx = contextOf(edge.clock);
    const scope = made?.descriptors.repositoryScoped(name, 'blobs');
    const digests = Array.from({ length: count }, () => uniqueDigest());
    if (store.like === 'redis') stored.push([name, digests]);
    await eachInTurn(batchesOf(digests, AT_ONCE), async (batch) => {
      await Promise.all(batch.map((digest) => scope?.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))));
    });
    expect(made?.descriptors.peek?.(ctx, name, 'blobs', digests[0] as Digest)).toBeDefined();
    edge.spent();
    let [removed, query, requests] = [0, '', 0];
    do {
      const purged = (await (await purge(edge, name + query)).json()) as Purged;
      expect(edge.spent().storeRequests).toBeLessThanOrEqual(MAX_PURGE_REQUESTS[store.like]);
      // Already the first request clears all of it from memory.
      expect(digests.filter((digest) => made?.descriptors.peek?.(ctx, name, 'blobs', digest))).toEqual([]);
      removed += purged.removed.blobs ?? 0;
      query = queryOf(purged.cursor);
      requests += 1;
    } while (query);
    expect(removed).toBe(count);
    if (store.like === 'durable') expect(requests).toBe(1);
    else expect(requests).toBeGreaterThan(1);
    for (const digest of digests.slice(-AT_ONCE)) expect(await scope?.stat(ctx, digest)).toBeUndefined();
  });
});

describe.each(STORES)('a repository of many entries, cache in $name', (store) => {
  it('is purged completely, and the answers add up to what was removed', { timeout: 60_000 }, async () => {
    const { name, edge, countLeft } = await prepare(store);
    const first = (await (await purge(edge, name)).json()) as Purged;
    // A purge of memory or of an object takes one request.
    expect(first.cursor === undefined).toBe(PAGE[store.like] === Number.POSITIVE_INFINITY);
    expect(first.removed.blobs).toBeGreaterThan(0);
    const rest = first.cursor === undefined ? { removed: NOTHING_REMOVED } : await purgeAll(edge, name, first.cursor);
    const removed = LINK_SETS.map(
      (links) => (first.removed[links] ?? 0) + ((rest.removed as Record<string, number>)[links] ?? 0),
    );
    expect(removed).toEqual([COUNTS[store.like].blobs, COUNTS[store.like].manifests]);
    expect(await countLeft()).toBe(0);
    expect((await purgeAll(edge, name)).removed).toEqual(NOTHING_REMOVED);
  });

  it('is purged at about three requests to the store per page', { timeout: 60_000 }, async () => {
    const { name, edge } = await prepare(store);
    await purgeAll(edge, name);
    const { storeRequests, operations } = edge.spent();
    const { blobs, manifests } = COUNTS[store.like];
    const pages = (blobs + manifests) / PAGE[store.like];
    // Pages of a set vary in size, and the search for tags walks everything else in the database.
    if (store.like === 'redis') expect(storeRequests).toBeLessThan(3 * (1.5 * pages + 2) + 20);
    // On KV a page is listed once and read twice; each tombstone is a write.
    else if (store.like === 'kv') expect(storeRequests - operations.writes).toBeLessThanOrEqual(3 * (pages + 2));
    else expect(storeRequests).toBe({ memory: 0, durable: 1 }[store.like]);
    if (store.like === 'kv') expect(operations.writes).toBe(blobs + manifests);
  });

  it('is cleared by the event of its delete, sent again until nothing is left', {
    timeout: 60_000,
  }, async () => {
    const { name, edge, countLeft } = await prepare(store);
    // The event must succeed in the end, or the registry would repeat it forever and send nothing else.
    const statuses: number[] = [];
    while (statuses.at(-1) !== 204 && statuses.length < 5) {
      statuses.push((await sendEvents(edge, eventsOf(name).repositoryDeleted())).status);
      expect(edge.spent().storeRequests).toBeLessThanOrEqual(MAX_EVENT_REQUESTS[store.like]);
    }
    expect(statuses.filter((status) => status === 503).length).toBeLessThanOrEqual(2);
    expect(statuses.at(-1)).toBe(204);
    expect(await countLeft()).toBe(0);
  });
});
