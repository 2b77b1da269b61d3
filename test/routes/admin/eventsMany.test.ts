import { afterEach, describe, expect, it, vi } from 'vitest';
import { batchesOf, inTurn } from '../../../src/async.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { LINK_SETS, type LinkSet } from '../../../src/oci/links.ts';
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/name.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { contextOf } from '../../support/context.ts';
import { entryFor, someDigest, someName } from '../../support/digests.ts';
import { EVENTS_TOKEN, eventsOf, tell } from '../../support/events.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { NO_REDIS } from '../../support/redisStore.ts';

const BACKENDS = ['kv', ...(NO_REDIS ? [] : (['redis'] as const))] as const;
const ROOMY = { MEMORY_ENTRIES: '100000', MEMORY_BYTES: '64MiB' };
const AT_ONCE = 50;

/** An edge that is told of much, and what stands in its store. */
function toldEdge(backend: 'kv' | 'redis', variables: Record<string, string> = {}) {
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
  const someRepository = () => parseRepositoryName(someName());
  return {
    edge,
    ctx,
    upstream,
    scopeOf,
    someRepository,
    async learn(name: RepositoryName, digests: readonly Digest[]) {
      await inTurn(batchesOf(digests, AT_ONCE), async (some) => {
        await Promise.all(
          some.map((digest) => scopeOf(name).setDescriptor(ctx, digest, entryFor(digest, edge.clock.now()))),
        );
      });
      edge.spent();
    },
    /** How many of them are known, in whichever link set. */
    async known(name: RepositoryName, digests: readonly Digest[]) {
      const found = new Set<Digest>();
      await inTurn(batchesOf(digests, AT_ONCE), async (some) => {
        const looks = some.flatMap((digest) =>
          LINK_SETS.map(async (links) => (await scopeOf(name, links).stat(ctx, digest)) && found.add(digest)),
        );
        await Promise.all(looks);
      });
      edge.spent();
      return found.size;
    },
  };
}

const some = (count: number) => Array.from({ length: count }, () => someDigest());

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(BACKENDS)('notifications: an envelope that tells of much, cache in %s', (backend) => {
  it.each([
    [3, { kv: 2 * (1 + 3), redis: 2 }],
    [200, { kv: 2 * (4 + 200), redis: 2 }],
  ])('%i deletes in a repository cost a request a batch, and KV a write each', async (count, most) => {
    const { edge, learn, known, someRepository } = toldEdge(backend);
    const [name, digests] = [someRepository(), some(count)];
    await learn(name, digests);
    expect((await tell(edge, ...digests.map((digest) => eventsOf(name).deleted(digest)))).status).toBe(204);
    expect(edge.spent().storeRequests).toBe(most[backend]);
    expect(await known(name, digests)).toBe(0);
  });

  it('1,000 deletes stay within the bound, and come to an end when they are repeated', {
    timeout: 60_000,
  }, async () => {
    const { edge, learn, known, someRepository } = toldEdge(backend);
    const [name, digests, other] = [someRepository(), some(1_000), someDigest()];
    await learn(name, [...digests, other]);
    let left = digests.length;
    for (let status = 0, attempts = 1; status !== 204; attempts++) {
      ({ status } = await tell(edge, ...digests.map((digest) => eventsOf(name).deleted(digest))));
      expect([204, 503]).toContain(status);
      // In KV 20 batches in each link set, and eight that are cleared.
      expect(edge.spent().storeRequests).toBeLessThanOrEqual({ kv: 40 + 8 * 51, redis: 4 }[backend]);
      const after = await known(name, digests);
      if (status === 503) expect(after).toBeLessThan(left);
      left = after;
      expect(attempts).toBeLessThanOrEqual({ kv: 3, redis: 1 }[backend]);
      // The registry waits before it sends it again.
      edge.clock.advance(5_000);
    }
    expect(left).toBe(0);
    expect(await known(name, [other])).toBe(1);
  });

  it('5,000 deletes of what is not there are looked up, and cost no write', { timeout: 60_000 }, async () => {
    const { edge, someRepository } = toldEdge(backend);
    const name = someRepository();
    expect((await tell(edge, ...some(5_000).map((digest) => eventsOf(name).deleted(digest)))).status).toBe(204);
    const { storeRequests, operations } = edge.spent();
    expect([storeRequests, operations.writes]).toEqual([{ kv: 200, redis: 20 }[backend], 0]);
  });

  it('tags of a repository are dropped in one request for 500, and where they led is forgotten', async () => {
    const { edge, ctx, upstream, learn, known, someRepository } = toldEdge(backend, { CLIENT_AUTH: 'anonymous' });
    const [name, digests] = [someRepository(), some(100)];
    await learn(name, digests);
    for (const [at, digest] of digests.entries()) {
      await upstream.tags.note(ctx, { name, tag: `t${at}` }, { digest, verifiedAt: ctx.now() });
    }
    edge.spent();
    const { pushed, untagged } = eventsOf(name);
    // Of one the push tells that it leads where it led.
    const [kept = someDigest()] = digests;
    const moved = digests.map((_, at) => (at % 2 ? untagged(`t${at}`) : pushed(at ? someDigest() : kept, `t${at}`)));
    expect((await tell(edge, ...moved)).status).toBe(204);
    const { storeRequests } = edge.spent();
    expect(storeRequests).toBe({ kv: 2 * (2 + 99), redis: 1 + 2 }[backend]);
    expect(await known(name, digests)).toBe(1);
    expect(await known(name, [kept])).toBe(1);
  });

  it('of 250 repositories 200 are forgotten, and the log says so', { timeout: 60_000 }, async () => {
    const { edge, learn, known, someRepository } = toldEdge(backend);
    const [first, last, digest] = [someRepository(), someRepository(), someDigest()];
    for (const name of [first, last]) await learn(name, [digest]);
    const between = Array.from({ length: 248 }, () => eventsOf(someName()).untagged('latest'));
    const events = [eventsOf(first).deleted(digest), ...between, eventsOf(last).deleted(digest)];
    expect((await tell(edge, ...events)).status).toBe(204);
    expect(edge.spent().storeRequests).toBeLessThanOrEqual(200 + 4);
    expect([await known(first, [digest]), await known(last, [digest])]).toEqual([0, 1]);
    expect(edge.log.filter((line) => line.includes('stays cached until its TTL ends'))).toHaveLength(1);
  });
});

describe.each(BACKENDS)('notifications: an envelope that is too large to be parsed, cache in %s', (backend) => {
  it('costs 16 requests to the store, whichever repositories it names', async () => {
    const { edge, ctx, upstream, someRepository } = toldEdge(backend, { CLIENT_AUTH: 'anonymous' });
    const names = Array.from({ length: 100 }, someRepository);
    const [first, last] = [names[0], names.at(-1)] as [RepositoryName, RepositoryName];
    const other = someRepository();
    const keyOf = (name: RepositoryName) => ({ name, tag: 'latest', variant: '' });
    const pointer = { digest: someDigest(), verifiedAt: ctx.now() };
    for (const name of [first, last, other]) await upstream.tags.set(ctx, keyOf(name), pointer);
    edge.spent();
    const body = names
      .map((name) => `"repository":"${name}"`)
      .join()
      .padEnd(8 * 1024 * 1024 + 1);
    const headers = { authorization: `Bearer ${EVENTS_TOKEN}` };
    expect((await edge.fetch('/_edge/events', { method: 'POST', headers, body })).status).toBe(204);
    expect(edge.spent().storeRequests).toBeLessThanOrEqual({ kv: 0, redis: 16 }[backend]);
    for (const name of [first, last]) expect(await upstream.tags.get(ctx, keyOf(name))).toBeUndefined();
    expect(await upstream.tags.get(ctx, keyOf(other))).toEqual(pointer);
  });
});
