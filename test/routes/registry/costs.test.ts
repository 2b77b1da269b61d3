import { afterEach, describe, expect, it, vi } from 'vitest';
import { COSTS, type Cost, sumOf } from '../../../local/price/costs.ts';
import { createMeteredEdge, type MeteredEdge } from '../../support/metered.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { ALL_STORES } from '../../support/stores.ts';

const HEAD = { method: 'HEAD' };
const NOTHING = COSTS.memory.warm;
const OPEN = { CLIENT_AUTH: 'anonymous' };

/** Sends a HEAD. @returns its status, and what it cost, the work after the reply included */
async function costOf(edge: MeteredEdge, blob: Pushed): Promise<{ status: number; origin: number; store: Cost }> {
  edge.spent();
  const before = await blob.asked();
  const { status } = await edge.fetch(blob.path, HEAD);
  return { status, origin: (await blob.asked()) - before, store: edge.spent() };
}

/** Earns a grant by another blob of the repository. */
async function earnGrant(edge: MeteredEdge, name: string): Promise<void> {
  await edge.fetch((await pushBlob(undefined, name)).path, HEAD);
}

afterEach(() => {
  vi.restoreAllMocks();
});

for (const { name: backend, like, isAvailable, isShared } of ALL_STORES) {
  const { warm, writeBack } = COSTS[like];
  const coldCost = sumOf(warm, writeBack);

  describe.skipIf(!isAvailable)(`the cost of a blob HEAD, cache in ${backend}`, () => {
    it('without a grant: one request to the origin, then a lookup and a write after the reply', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
    });

    it('without a grant, concurrent: one request to the origin, and one more lookup for all followers', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
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
      expect(edge.spent()).toEqual(sumOf(warm, coldCost));
    });

    it('cold, with a grant: a lookup, one request to the origin, a write', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await earnGrant(edge, blob.name);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
    });

    it('warm: a lookup', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: warm });
    });

    it('warm, for a pull-only caller, in the same isolate: nothing', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend, OPEN);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: NOTHING });
    });

    it('warm, for a pull-only caller, no longer in memory: a lookup, then nothing', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend, OPEN);
      await edge.fetch(blob.path, HEAD);
      if (isShared) edge.clock.advance(31_000);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: warm });
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 0, store: NOTHING });
    });

    it('warm, without a grant, recently confirmed: one request to the origin and a lookup, no write', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      edge.clock.advance(61_000);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: warm });
    });

    it('past the window: a lookup, one request to the origin, a write', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      edge.clock.advance(301_000);
      await earnGrant(edge, blob.name);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: coldCost });
    });

    it('cleared: a lookup and one request to the origin, whose 404 is not written', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await edge.fetch(blob.path, HEAD);
      await edge.fetch(blob.path, { method: 'DELETE' });
      expect(await costOf(edge, blob)).toEqual({ status: 404, origin: 1, store: warm });
    });

    it('with PUSH_EXISTENCE_TTL=0, where nobody could be answered from the cache: nothing, neither for a GET', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend, { PUSH_EXISTENCE_TTL: '0' });
      await earnGrant(edge, blob.name);
      expect(await costOf(edge, blob)).toEqual({ status: 200, origin: 1, store: NOTHING });
      for (const status of [200, 404]) {
        if (status === 404) await rig.rule({ prefix: blob.path, status });
        expect((await edge.fetch(blob.path)).status).toBe(status);
        expect(edge.spent()).toEqual(NOTHING);
      }
    });

    it('absent: a lookup and one request to the origin, every time', async () => {
      const blob = await pushBlob();
      const edge = createMeteredEdge(backend);
      await earnGrant(edge, blob.name);
      await rig.rule({ prefix: blob.path, status: 404 });
      for (let n = 0; n < 3; n++) expect(await costOf(edge, blob)).toEqual({ status: 404, origin: 1, store: warm });
    });
  });
}
