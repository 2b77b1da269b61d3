import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { batchesOf, inTurn } from '../../../src/async.ts';
import { createProvider } from '../../../src/cache/descriptors.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { LINK_SETS, type LinkSet } from '../../../src/oci/links.ts';
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/name.ts';
import type { BlobDescriptorCacheProvider } from '../../../src/stores/descriptors.ts';
import { createKvDescriptors } from '../../../src/stores/kv/descriptors.ts';
import { createRedis } from '../../../src/stores/redis/client.ts';
import { createRedisDescriptors } from '../../../src/stores/redis/descriptors.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { contextOf } from '../../support/context.ts';
import { entryFor, someDigest, someName } from '../../support/digests.ts';
import { EVENTS_TOKEN, eventsOf, tell } from '../../support/events.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { ADMIN_TOKEN, NOTHING, purge, purgeAll } from '../../support/purge.ts';
import { ADDRESS, NO_REDIS, redis } from '../../support/redisStore.ts';

const OPTIONS = { retentionMs: 3_600_000, isOpen: false };
const AT_ONCE = 50;
/** Digests on a page. */
const PAGE = { memory: Number.POSITIVE_INFINITY, kv: 50, redis: 500 };

interface Store {
  readonly name: 'memory' | 'kv' | 'redis';
  /** In Redis and KV more than one request purges; KV is slow to write. */
  readonly counts: Record<LinkSet, number>;
  /** A way into the store past the edge. */
  providerOf(made: Upstream): BlobDescriptorCacheProvider;
}

const STORES: Store[] = [
  { name: 'memory', counts: { blobs: 5_000, manifests: 1_100 }, providerOf: (made) => made.descriptors },
  {
    name: 'kv',
    counts: { blobs: 401, manifests: 51 },
    providerOf: () => createProvider(createKvDescriptors(env.DESCRIPTORS, OPTIONS)),
  },
];
if (!NO_REDIS) {
  STORES.push({
    name: 'redis',
    counts: { blobs: 5_000, manifests: 51 },
    providerOf: () => createProvider(createRedisDescriptors(createRedis(ADDRESS), OPTIONS)),
  });
}

/** As the edge writes them, some at once. */
async function writeToRedis(name: RepositoryName, links: LinkSet, digests: readonly Digest[], verified: number) {
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

/** An edge before a store that has much of one repository. */
async function prepare({ name: store, counts, providerOf }: Store) {
  const name = parseRepositoryName(someName());
  let provider: BlobDescriptorCacheProvider | undefined;
  const upstream = (made: Upstream) => {
    provider = providerOf(made);
    return made;
  };
  const roomy = { MEMORY_ENTRIES: '100000', MEMORY_BYTES: '64MiB' };
  const edge = createMeteredEdge(store, { ...roomy, ADMIN_TOKEN, EVENTS_TOKEN }, { upstream });
  const ctx = contextOf(edge.clock);
  const content = LINK_SETS.map((links) => {
    const digests = Array.from({ length: counts[links] }, () => someDigest());
    return { links, digests, scope: provider?.repositoryScoped(name, links) };
  });
  for (const { links, digests, scope } of content) {
    if (store === 'redis') await writeToRedis(name, links, digests, ctx.now());
    else {
      for (let at = 0; at < digests.length; at += AT_ONCE) {
        const batch = digests.slice(at, at + AT_ONCE);
        await Promise.all(batch.map((digest) => scope?.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))));
      }
    }
  }
  /** @returns how many of some from the beginning, the middle and the end are there */
  async function left(): Promise<number> {
    const some = content.flatMap(({ digests, scope }) =>
      [0, 1, Math.floor(digests.length / 2), digests.length - 1].map((at) => scope?.stat(ctx, digests[at] as Digest)),
    );
    return (await Promise.all(some)).filter((entry) => entry !== undefined).length;
  }
  expect(await left()).toBe(8);
  edge.spent();
  return { name, edge, left };
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Requests to the store: each page lists, looks and clears, and KV writes a tombstone for each digest. */
const PAGES = 8;
/** Eight pages with something to clear, and looks at those that were cleared before. */
const MOST_OF_AN_EVENT = { memory: 0, kv: 8 * 53 + 20, redis: 8 * 3 + 20 };
const MOST = { memory: 0, kv: PAGES * (3 + PAGE.kv), redis: PAGES * 3 };

describe.each(STORES.filter(({ name }) => name !== 'memory'))(
  'purge: a memory full of it in front of $name',
  (store) => {
    it('costs each request no more than eight pages, and counts each entry once', { timeout: 60_000 }, async () => {
      const count = { memory: 0, kv: 1_000, redis: 5_000 }[store.name];
      const name = parseRepositoryName(someName());
      let made: Upstream | undefined;
      const roomy = { MEMORY_ENTRIES: '100000', MEMORY_BYTES: '64MiB' };
      const edge = createMeteredEdge(store.name, { ...roomy, ADMIN_TOKEN }, { upstream: (one) => (made = one) });
      const ctx = contextOf(edge.clock);
      const scope = made?.descriptors.repositoryScoped(name, 'blobs');
      const digests = Array.from({ length: count }, () => someDigest());
      await inTurn(batchesOf(digests, AT_ONCE), async (some) => {
        await Promise.all(some.map((digest) => scope?.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))));
      });
      expect(made?.descriptors.peek?.(ctx, name, 'blobs', digests[0] as Digest)).toBeDefined();
      edge.spent();
      let [removed, cursor, requests] = [0, '', 0];
      do {
        const told = (await (await purge(edge, name + cursor)).json()) as {
          removed: { blobs: number };
          cursor?: string;
        };
        expect(edge.spent().storeRequests).toBeLessThanOrEqual(MOST[store.name]);
        // From the first on memory answers nothing of it.
        for (const digest of digests) expect(made?.descriptors.peek?.(ctx, name, 'blobs', digest)).toBeUndefined();
        removed += told.removed.blobs;
        cursor = told.cursor === undefined ? '' : `?cursor=${encodeURIComponent(told.cursor)}`;
        requests += 1;
      } while (cursor);
      expect(removed).toBe(count);
      expect(requests).toBeGreaterThan(1);
      for (const digest of digests.slice(-AT_ONCE)) expect(await scope?.stat(ctx, digest)).toBeUndefined();
    });
  },
);

describe.each(STORES)('purge: a repository with much in it, cache in $name', (store) => {
  it('is purged to the end, and what was removed is told exactly', { timeout: 60_000 }, async () => {
    const { name, edge, left } = await prepare(store);
    const first = (await (await purge(edge, name)).json()) as { removed: Record<string, number>; cursor?: string };
    // What is in memory alone is purged at once.
    expect(first.cursor === undefined).toBe(store.name === 'memory');
    expect(first.removed.blobs).toBeGreaterThan(0);
    const then = first.cursor === undefined ? { removed: NOTHING } : await purgeAll(edge, name, first.cursor);
    const removed = LINK_SETS.map(
      (links) => (first.removed[links] ?? 0) + ((then.removed as Record<string, number>)[links] ?? 0),
    );
    expect(removed).toEqual([store.counts.blobs, store.counts.manifests]);
    expect(await left()).toBe(0);
    expect((await purgeAll(edge, name)).removed).toEqual(NOTHING);
  });

  it('costs about three requests to the store a page', { timeout: 60_000 }, async () => {
    const { name, edge } = await prepare(store);
    await purgeAll(edge, name);
    const { storeRequests, operations } = edge.spent();
    const { blobs, manifests } = store.counts;
    const pages = (blobs + manifests) / PAGE[store.name];
    // A set's pages are somewhat larger or smaller than asked for; what else is in the database is walked for tags.
    if (store.name === 'redis') expect(storeRequests).toBeLessThan(3 * (1.5 * pages + 2) + 20);
    // Of KV a page is listed, and read twice; each tombstone is a write.
    else if (store.name === 'kv') expect(storeRequests - operations.writes).toBeLessThanOrEqual(3 * (pages + 2));
    else expect(storeRequests).toBe(0);
    if (store.name === 'kv') expect(operations.writes).toBe(blobs + manifests);
  });

  it('is forgotten by the event that tells of its end, sent again while there is more', {
    timeout: 60_000,
  }, async () => {
    const { name, edge, left } = await prepare(store);
    // Else the registry would send it again and again, and nothing after it.
    const statuses: number[] = [];
    while (statuses.at(-1) !== 204 && statuses.length < 5) {
      statuses.push((await tell(edge, eventsOf(name).gone())).status);
      expect(edge.spent().storeRequests).toBeLessThanOrEqual(MOST_OF_AN_EVENT[store.name]);
    }
    expect(statuses.filter((status) => status === 503).length).toBeLessThanOrEqual(2);
    expect(statuses.at(-1)).toBe(204);
    expect(await left()).toBe(0);
  });
});
