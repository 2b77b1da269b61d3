import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMeteredEdge, type MeteredEdge } from '../../support/metered.ts';
import { asking, type PushedManifest, pushManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';

/** What one request asks of others: the origin, request by request, and the store, in round trips. */
interface Asked {
  readonly origin: string[];
  readonly store: number;
}

const [HEAD, GET] = [asking('HEAD'), asking('GET')];
const CLOSED = { CLIENT_AUTH: 'origin', CACHE_TIMEOUT: '10s' };
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', MEMORY_TTL: '30s', CACHE_TIMEOUT: '10s' };
/** Past `TAG_TTL`, and past what this isolate's memory keeps. */
const [PAST_TAG_MS, PAST_MEMORY_MS] = [10_000, 31_000];

/** All that goes on after the reply included. */
async function costOf(edge: MeteredEdge, manifest: PushedManifest, path: string, init: RequestInit): Promise<Asked> {
  edge.spent();
  const before = (await manifest.questions()).length;
  expect((await edge.fetch(path, init)).status).toBe(200);
  const { storeRequests } = edge.spent();
  const origin = (await manifest.questions()).slice(before).map((question) => question.split(' ')[0] ?? '');
  return { origin, store: storeRequests };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('what a manifest costs: $name', ({ name: backend }) => {
  /** Round trips: none to memory. */
  const trips = (kv: number, redis = kv) => ({ memory: 0, kv, redis })[backend];

  it.each([CLOSED, OPEN])(
    'by digest, cold: a look and a write; for a GET as many for its content: %j',
    async (auth) => {
      const [one, other] = [await pushManifest(), await pushManifest()];
      const edge = createMeteredEdge(backend, auth);
      expect(await costOf(edge, one, one.path, HEAD)).toEqual({ origin: ['HEAD'], store: trips(2) });
      expect(await costOf(edge, other, other.path, GET)).toEqual({ origin: ['GET'], store: trips(4) });
    },
  );

  it('by digest, warm: a look at the descriptor; the content is in memory', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, CLOSED);
    await edge.fetch(manifest.path, GET);
    expect(await costOf(edge, manifest, manifest.path, HEAD)).toEqual({ origin: [], store: trips(1) });
    expect(await costOf(edge, manifest, manifest.path, GET)).toEqual({ origin: [], store: trips(1) });
  });

  it('by digest, warm, to a caller who only pulls: nothing; in another isolate a look for each', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    await edge.fetch(manifest.path, GET);
    for (const init of [HEAD, GET]) {
      expect(await costOf(edge, manifest, manifest.path, init)).toEqual({ origin: [], store: 0 });
    }
    edge.clock.advance(PAST_MEMORY_MS);
    expect(await costOf(edge, manifest, manifest.path, GET)).toEqual({ origin: [], store: trips(2) });
    edge.clock.advance(PAST_MEMORY_MS);
    expect(await costOf(edge, manifest, manifest.path, HEAD)).toEqual({ origin: [], store: trips(1) });
    expect(await costOf(edge, manifest, manifest.path, HEAD)).toEqual({ origin: [], store: 0 });
  });

  it('by digest, past the push window: a HEAD of the origin, a look, a write of the descriptor alone', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, { ...CLOSED, PUSH_EXISTENCE_TTL: '10s' });
    await edge.fetch(manifest.path, GET);
    edge.clock.advance(10_000);
    expect(await costOf(edge, manifest, manifest.path, GET)).toEqual({ origin: ['HEAD'], store: trips(2) });
  });

  it('by tag, cold: what the digest costs; in Redis two looks and a write for the tag', async () => {
    const [one, other] = [await pushManifest(), await pushManifest()];
    const edge = createMeteredEdge(backend, OPEN);
    expect(await costOf(edge, one, one.tagPath, HEAD)).toEqual({ origin: ['HEAD'], store: trips(2, 5) });
    expect(await costOf(edge, other, other.tagPath, GET)).toEqual({ origin: ['GET'], store: trips(4, 7) });
  });

  it('by tag, within TAG_TTL: nothing of the origin; in Redis a look at the tag', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    await edge.fetch(manifest.tagPath, GET);
    for (const init of [HEAD, GET]) {
      expect(await costOf(edge, manifest, manifest.tagPath, init)).toEqual({ origin: [], store: trips(0, 1) });
    }
  });

  it('by tag, after TAG_TTL: one HEAD of the origin; in Redis two looks at the tag and a write', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    await edge.fetch(manifest.tagPath, GET);
    // Once more for the descriptor, whose media type is known by both methods now.
    for (const [init, once] of [
      [HEAD, 1],
      [GET, 0],
    ] as const) {
      edge.clock.advance(PAST_TAG_MS);
      const cost = { origin: ['HEAD'], store: trips(0 + once, 3 + once) };
      expect(await costOf(edge, manifest, manifest.tagPath, init)).toEqual(cost);
    }
  });

  it('by tag, moved to a manifest that is not kept: a HEAD and a GET of the origin', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    await edge.fetch(manifest.tagPath, GET);
    const moved = await pushManifest({ name: manifest.name });
    edge.clock.advance(PAST_TAG_MS);
    expect((await costOf(edge, moved, moved.tagPath, GET)).origin).toEqual(['HEAD', 'GET']);
  });

  it('by tag, to a caller who may push: the origin every time, no look at a tag', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, CLOSED);
    await edge.fetch(manifest.tagPath, GET);
    // The first HEAD after a GET makes the media type one that both methods told: a write.
    expect(await costOf(edge, manifest, manifest.tagPath, HEAD)).toEqual({ origin: ['HEAD'], store: trips(2) });
    expect(await costOf(edge, manifest, manifest.tagPath, HEAD)).toEqual({ origin: ['HEAD'], store: trips(1) });
    expect(await costOf(edge, manifest, manifest.tagPath, GET)).toEqual({ origin: ['GET'], store: trips(1) });
  });
});
