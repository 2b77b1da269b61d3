import { afterEach, describe, expect, it, vi } from 'vitest';
import { batchesOf, eachInTurn } from '../../../src/async.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { LINK_SETS, type LinkSet } from '../../../src/oci/links.ts';
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/name.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { contextOf } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { EVENTS_TOKEN, eventsOf, sendEnvelope, sendEvents } from '../../support/events.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { SHARED_STORES } from '../../support/stores.ts';

const ROOMY = { MEMORY_ENTRIES: '100000', MEMORY_BYTES: '64MiB' };
const AT_ONCE = 20;

/** Creates an edge that receives large envelopes, with access to its store. */
function createWorld(backend: string, variables: Record<string, string> = {}) {
  let made: Upstream | undefined;
  const edge = createMeteredEdge(
    backend,
    { ...ROOMY, EVENTS_TOKEN, ...variables },
    { upstream: (one) => (made = one) },
  );
  const upstream = made as unknown as Upstream;
  const ctx = contextOf(edge.clock);
  const scopeOf = (name: RepositoryName, links: LinkSet = 'blobs') =>
    upstream.descriptors.repositoryScoped(name, links);
  const someRepository = () => parseRepositoryName(uniqueName());
  return {
    edge,
    ctx,
    upstream,
    scopeOf,
    someRepository,
    async fill(name: RepositoryName, digests: readonly Digest[]) {
      await eachInTurn(batchesOf(digests, AT_ONCE), async (batch) => {
        await Promise.all(
          batch.map((digest) => scopeOf(name).setDescriptor(ctx, digest, entryFor(digest, edge.clock.now()))),
        );
      });
      edge.spent();
    },
    /** Counts the digests that are cached in either link set. */
    async countCached(name: RepositoryName, digests: readonly Digest[]) {
      const found = new Set<Digest>();
      await eachInTurn(batchesOf(digests, AT_ONCE), async (batch) => {
        const lookups = batch.flatMap((digest) =>
          LINK_SETS.map(async (links) => (await scopeOf(name, links).stat(ctx, digest)) && found.add(digest)),
        );
        await Promise.all(lookups);
      });
      edge.spent();
      return found.size;
    },
  };
}

const someDigests = (count: number) => Array.from({ length: count }, () => uniqueDigest());

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(SHARED_STORES)('an envelope of many events, cache in $name', ({ name: backend, like }) => {
  it.each([
    [3, { kv: 2 * (1 + 3), durable: 1, redis: 2 }],
    [200, { kv: 2 * (4 + 200), durable: 1, redis: 2 }],
  ])(
    'clears %i digests of a repository at one request per batch, on KV plus one write per digest',
    { timeout: 60_000 },
    async (count, most) => {
      const { edge, fill, countCached, someRepository } = createWorld(backend);
      const [name, digests] = [someRepository(), someDigests(count)];
      await fill(name, digests);
      expect((await sendEvents(edge, ...digests.map((digest) => eventsOf(name).deleted(digest)))).status).toBe(204);
      expect(edge.spent().storeRequests).toBe(most[like]);
      expect(await countCached(name, digests)).toBe(0);
    },
  );

  it('of 1,000 deletes stays within the bound of a request, and finishes when it is repeated', {
    timeout: 60_000,
  }, async () => {
    const { edge, fill, countCached, someRepository } = createWorld(backend);
    const [name, digests, other] = [someRepository(), someDigests(1_000), uniqueDigest()];
    await fill(name, [...digests, other]);
    let left = digests.length;
    for (let status = 0, attempts = 1; status !== 204; attempts++) {
      ({ status } = await sendEvents(edge, ...digests.map((digest) => eventsOf(name).deleted(digest))));
      expect([204, 503]).toContain(status);
      // On KV 20 batches in each of two link sets are looked up, and eight are cleared.
      expect(edge.spent().storeRequests).toBeLessThanOrEqual({ kv: 40 + 8 * 51, durable: 4, redis: 4 }[like]);
      const after = await countCached(name, digests);
      if (status === 503) expect(after).toBeLessThan(left);
      left = after;
      expect(attempts).toBeLessThanOrEqual({ kv: 3, durable: 1, redis: 1 }[like]);
      // The registry waits before it sends the envelope again.
      edge.clock.advance(5_000);
    }
    expect(left).toBe(0);
    expect(await countCached(name, [other])).toBe(1);
  });

  it('of 5,000 deletes of unknown content costs lookups, but no write', { timeout: 60_000 }, async () => {
    const { edge, someRepository } = createWorld(backend);
    const name = someRepository();
    expect((await sendEvents(edge, ...someDigests(5_000).map((digest) => eventsOf(name).deleted(digest)))).status).toBe(
      204,
    );
    const { storeRequests, operations } = edge.spent();
    expect([storeRequests, operations.writes]).toEqual([{ kv: 200, durable: 10, redis: 20 }[like], 0]);
  });

  it('drops the tags of a repository in one request, and clears the manifests to which they pointed', {
    timeout: 60_000,
  }, async () => {
    const { edge, ctx, upstream, fill, countCached, someRepository } = createWorld(backend, {
      CLIENT_AUTH: 'anonymous',
    });
    const [name, digests] = [someRepository(), someDigests(100)];
    await fill(name, digests);
    for (const [at, digest] of digests.entries()) {
      await upstream.tags.note(ctx, { name, tag: `t${at}` }, { digest, verifiedAt: ctx.now() });
    }
    edge.spent();
    const { pushed, untagged } = eventsOf(name);
    // One tag is pushed to where it already pointed.
    const [kept = uniqueDigest()] = digests;
    const moved = digests.map((_, at) => (at % 2 ? untagged(`t${at}`) : pushed(at ? uniqueDigest() : kept, `t${at}`)));
    expect((await sendEvents(edge, ...moved)).status).toBe(204);
    const { storeRequests } = edge.spent();
    expect(storeRequests).toBe({ kv: 2 * (2 + 99), durable: 1 + 1, redis: 1 + 2 }[like]);
    expect(await countCached(name, digests)).toBe(1);
    expect(await countCached(name, [kept])).toBe(1);
  });

  it('about 250 repositories forgets 200 of them, and logs that', { timeout: 60_000 }, async () => {
    const { edge, fill, countCached, someRepository } = createWorld(backend);
    const [first, last, digest] = [someRepository(), someRepository(), uniqueDigest()];
    for (const name of [first, last]) await fill(name, [digest]);
    const between = Array.from({ length: 248 }, () => eventsOf(uniqueName()).untagged('latest'));
    const events = [eventsOf(first).deleted(digest), ...between, eventsOf(last).deleted(digest)];
    expect((await sendEvents(edge, ...events)).status).toBe(204);
    expect(edge.spent().storeRequests).toBeLessThanOrEqual(200 + 4);
    expect([await countCached(first, [digest]), await countCached(last, [digest])]).toEqual([0, 1]);
    expect(edge.log.filter((line) => line.includes('stays cached until its TTL ends'))).toHaveLength(1);
  });
});

it('a repository that is deleted is forgotten in one request to its object, tags included', async () => {
  const { edge, ctx, upstream, fill, countCached, someRepository } = createWorld('durable', {
    CLIENT_AUTH: 'anonymous',
  });
  const [name, digests] = [someRepository(), someDigests(3)];
  const key = { name, tag: 'latest', variant: '' };
  await fill(name, digests);
  await upstream.tags.set(ctx, key, { digest: uniqueDigest(), verifiedAt: ctx.now() });
  edge.spent();
  expect((await sendEvents(edge, eventsOf(name).repositoryDeleted())).status).toBe(204);
  expect(edge.spent().storeRequests).toBe(1);
  expect(await countCached(name, digests)).toBe(0);
  expect(await upstream.tags.get(ctx, key)).toBeUndefined();
});

describe.each(SHARED_STORES)(
  'an envelope that is too large to be parsed, cache in $name',
  ({ name: backend, like }) => {
    it('drops the tags of the 100 repositories that it names at no more than 16 requests to the store, or one to each object', {
      timeout: 60_000,
    }, async () => {
      const { edge, ctx, upstream, someRepository } = createWorld(backend, { CLIENT_AUTH: 'anonymous' });
      const names = Array.from({ length: 100 }, someRepository);
      const [first, last] = [names[0], names.at(-1)] as [RepositoryName, RepositoryName];
      const other = someRepository();
      const keyOf = (name: RepositoryName) => ({ name, tag: 'latest', variant: '' });
      const pointer = { digest: uniqueDigest(), verifiedAt: ctx.now() };
      for (const name of [first, last, other]) await upstream.tags.set(ctx, keyOf(name), pointer);
      edge.spent();
      const body = names
        .map((name) => `"repository":"${name}"`)
        .join()
        .padEnd(8 * 1024 * 1024 + 1);
      expect((await sendEnvelope(edge, body)).status).toBe(204);
      expect(edge.spent().storeRequests).toBeLessThanOrEqual({ kv: 0, durable: 100, redis: 16 }[like]);
      for (const name of [first, last]) expect(await upstream.tags.get(ctx, keyOf(name))).toBeUndefined();
      expect(await upstream.tags.get(ctx, keyOf(other))).toMatchObject(pointer);
    });
  },
);
