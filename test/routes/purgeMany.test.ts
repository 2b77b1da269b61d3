import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createKvProvider } from '../../src/cache/kv.ts';
import { type BlobDescriptorCacheProvider, LINK_SETS, type LinkSet } from '../../src/cache/provider.ts';
import { createRedisProvider } from '../../src/cache/redis.ts';
import { createRedis } from '../../src/cache/redisClient.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import type { Upstream } from '../../src/upstream.ts';
import { contextOf } from '../support/context.ts';
import { entryFor, someDigest, someName } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, tell } from '../support/events.ts';
import { ADMIN_TOKEN, NOTHING, purge, purgeAll } from '../support/purge.ts';
import { REDIS } from '../support/pushManifest.ts';
import { ADDRESS, NO_REDIS } from '../support/redisStore.ts';

const OPTIONS = { retentionMs: 3_600_000, isOpen: false };
const AT_ONCE = 50;

interface Store {
  readonly name: string;
  readonly variables: Record<string, string>;
  /** So many are more than one request purges; KV is slow to write. */
  readonly counts: Record<LinkSet, number>;
  /** A way into the store past the edge. */
  providerOf(made: Upstream): BlobDescriptorCacheProvider;
}

const STORES: Store[] = [
  {
    name: 'memory',
    variables: { BLOBDESCRIPTOR: 'inmemory' },
    counts: { blobs: 470, manifests: 470 },
    providerOf: (made) => made.descriptors,
  },
  {
    name: 'kv',
    variables: {},
    counts: { blobs: 301, manifests: 51 },
    providerOf: () => createKvProvider(env.DESCRIPTORS, OPTIONS),
  },
];
if (!NO_REDIS) {
  STORES.push({
    name: 'redis',
    variables: REDIS,
    counts: { blobs: 1_000, manifests: 51 },
    providerOf: () => createRedisProvider(createRedis(ADDRESS), OPTIONS),
  });
}

/** An edge before a store that has much of one repository. */
async function prepare(store: Store) {
  const name = parseRepositoryName(someName());
  let provider: BlobDescriptorCacheProvider | undefined;
  const upstream = (made: Upstream) => {
    provider = store.providerOf(made);
    return made;
  };
  const edge = createEdge({ ...store.variables, ADMIN_TOKEN, EVENTS_TOKEN }, { upstream });
  const ctx = contextOf(edge.clock);
  const content = LINK_SETS.map((links) => {
    const digests = Array.from({ length: store.counts[links] }, () => someDigest());
    return { digests, scope: provider?.repositoryScoped(name, links) };
  });
  for (const { digests, scope } of content) {
    for (let at = 0; at < digests.length; at += AT_ONCE) {
      const batch = digests.slice(at, at + AT_ONCE);
      await Promise.all(batch.map((digest) => scope?.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))));
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
  return { name, edge, left };
}

describe.each(STORES)('purge: a repository with much in it, cache in $name', (store) => {
  it('is purged to the end, by the cursor that each answer tells', { timeout: 60_000 }, async () => {
    const { name, edge, left } = await prepare(store);
    const first = (await (await purge(edge, name)).json()) as { removed: Record<string, number>; cursor?: string };
    expect(first.cursor).toBeDefined();
    expect(first.removed.blobs).toBeGreaterThan(0);
    const then = await purgeAll(edge, name, first.cursor);
    const removed = LINK_SETS.map((links) => (first.removed[links] ?? 0) + (then.removed[links] ?? 0));
    expect(removed).toEqual([store.counts.blobs, store.counts.manifests]);
    expect(await left()).toBe(0);
    expect((await purgeAll(edge, name)).removed).toEqual(NOTHING);
  });

  it('is forgotten by one event that tells of its end', { timeout: 60_000 }, async () => {
    const { name, edge, left } = await prepare(store);
    // Else the registry would send it again and again, and nothing after it.
    expect((await tell(edge, eventsOf(name).gone())).status).toBe(204);
    expect(await left()).toBe(0);
  });
});
