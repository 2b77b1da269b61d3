import { afterEach, describe, expect, it, vi } from 'vitest';
import { COSTS, type Cost } from '../../support/costs.ts';
import { createMeteredEdge, type MeteredEdge } from '../../support/metered.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { NO_REDIS } from '../../support/redisStore.ts';

const HEAD = { method: 'HEAD' };
const NOTHING = COSTS.memory.warm;
const OPEN = { CLIENT_AUTH: 'anonymous' };

function both(one: Cost, other: Cost): Cost {
  return {
    storeRequests: one.storeRequests + other.storeRequests,
    operations: {
      reads: one.operations.reads + other.operations.reads,
      writes: one.operations.writes + other.operations.writes,
    },
  };
}

/** A HEAD, all that goes on after its reply included. */
async function costOf(edge: MeteredEdge, blob: Pushed): Promise<{ status: number; origin: number; store: Cost }> {
  edge.spent();
  const before = await blob.asked();
  const { status } = await edge.fetch(blob.path, HEAD);
  return { status, origin: (await blob.asked()) - before, store: edge.spent() };
}

/** A caller gets a grant in a repository by any of its blobs. */
async function grant(edge: MeteredEdge, name: string): Promise<void> {
  await edge.fetch((await pushBlob(undefined, name)).path, HEAD);
}

afterEach(() => {
  vi.restoreAllMocks();
});

for (const backend of ['memory', 'kv', 'redis'] as const) {
  const { warm, writeBack } = COSTS[backend];
  const coldCost = both(warm, writeBack);

  describe.skipIf(backend === 'redis' && NO_REDIS)(`what a blob HEAD costs: ${backend}`, () => {
    it('unproven: the origin once, then a look and a write after the reply', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
    });

    it('unproven, together: the origin once for all, and a look for all who began after it was asked', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend, { CACHE_TIMEOUT: '10s' });
      await rig.rule({ prefix: blob.path, method: 'HEAD', holdAs: blob.digest, times: 1 });
      const leader = edge.send(blob.path, HEAD);
      await expect.poll(() => blob.asked()).toBe(1);
      edge.clock.advance(1);
      const followers = Array.from({ length: 3 }, () => edge.send(blob.path, HEAD));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await rig.release(blob.digest);
      for (const { answer, over } of [leader, ...followers]) {
        expect((await answer).status).toBe(200);
        await over;
      }
      expect(await blob.asked()).toBe(1);
      expect(edge.spent()).toEqual(both(warm, coldCost));
    });

    it('cold, with a grant: a look, the origin once, a write', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await grant(edge, blob.name);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
    });

    it('warm: a look', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: warm });
    });

    it('warm, to a caller who only pulls: nothing, once this isolate knows', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend, OPEN);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: NOTHING });
    });

    it('warm, to a caller who only pulls, in another isolate: a look, then nothing', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend, OPEN);
      await edge.fetch(blob.path, HEAD);
      if (backend !== 'memory') edge.clock.advance(31_000);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: warm });
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: NOTHING });
    });

    it('warm, of a caller without a grant, soon after the last confirmation: the origin once and a look, no write', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      edge.clock.advance(61_000);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: warm });
    });

    it('refreshed, past the window: a look, the origin once, a write', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      edge.clock.advance(301_000);
      await grant(edge, blob.name);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
    });

    it('cleared: a look and the origin once; what the origin does not have is not written', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      await edge.fetch(blob.path, { method: 'DELETE' });
      expect(await costOf(edge, blob)).toEqual({ status: 404, origin: 1, store: warm });
    });

    it('absent: a look and the origin once, every time', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await grant(edge, blob.name);
      await rig.rule({ prefix: blob.path, status: 404 });
      for (let n = 0; n < 3; n++) expect(await costOf(edge, blob)).toEqual({ status: 404, origin: 1, store: warm });
    });
  });
}
