import { afterEach, describe, expect, it, vi } from 'vitest';
import { COSTS, sumOf } from '../../../local/price/costs.ts';
import { createMeteredEdge, type MeteredEdge } from '../../support/metered.ts';
import { manifestRequest, type PushedManifest, pushManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';

/** What one request costs: its requests to the origin, and its round trips to the store. */
interface RequestCost {
  readonly origin: string[];
  readonly store: number;
}

const [HEAD, GET] = [manifestRequest('HEAD'), manifestRequest('GET')];
const CLOSED = { CLIENT_AUTH: 'origin', CACHE_TIMEOUT: '10s' };
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', MEMORY_TTL: '30s', CACHE_TIMEOUT: '10s' };
/** Longer than `TAG_TTL`, and longer than the isolate's memory remembers. */
const [PAST_TAG_MS, PAST_MEMORY_MS] = [10_000, 31_000];

/** Returns what a request costs, including the work after the reply. */
async function costOf(
  edge: MeteredEdge,
  manifest: PushedManifest,
  path: string,
  init: RequestInit,
): Promise<RequestCost> {
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

describe.each(STORES)('what a manifest costs: $name', ({ name: backend, like }) => {
  /** Round trips to the store; memory needs none. */
  const trips = (kv: number, redis = kv, durable = redis) => ({ memory: 0, kv, durable, redis })[like];

  it.each([CLOSED, OPEN])(
    'by digest, cold: a lookup and a write; a GET needs as many again for the content: %j',
    async (auth) => {
      const [one, other] = [await pushManifest(), await pushManifest()];
      const edge = createMeteredEdge(backend, auth);
      expect(await costOf(edge, one, one.path, HEAD)).toEqual({ origin: ['HEAD'], store: trips(2) });
      expect(await costOf(edge, other, other.path, GET)).toEqual({ origin: ['GET'], store: trips(4) });
    },
  );

  it('by digest, warm: a lookup of the descriptor; the content is in memory', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, CLOSED);
    await edge.fetch(manifest.path, GET);
    expect(await costOf(edge, manifest, manifest.path, HEAD)).toEqual({ origin: [], store: trips(1) });
    expect(await costOf(edge, manifest, manifest.path, GET)).toEqual({ origin: [], store: trips(1) });
  });

  it('by digest, warm, for a pull-only caller: nothing; without memory, a lookup each for descriptor and content', async () => {
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

  it('by digest and by tag, as it is billed: the look for the descriptor, and one for content or tag', async () => {
    const { warm, content, tag } = COSTS[like];
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, { ...OPEN, TAG_TTL: '10m' });
    await edge.fetch(manifest.tagPath, GET);
    edge.spent();
    await edge.fetch(manifest.tagPath, HEAD);
    expect(edge.spent()).toEqual(tag.read);
    edge.clock.advance(PAST_MEMORY_MS);
    await edge.fetch(manifest.path, GET);
    expect(edge.spent()).toEqual(sumOf(warm, content.read));
  });

  it('by tag, after TAG_TTL, as it is billed: a look and a write; in Redis, two looks', async () => {
    const { read, write } = COSTS[like].tag;
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    for (const init of [GET, HEAD, GET]) {
      edge.clock.advance(PAST_TAG_MS);
      edge.spent();
      await edge.fetch(manifest.tagPath, init);
    }
    expect(edge.spent()).toEqual(like === 'redis' ? sumOf(read, read, write) : sumOf(read, write));
  });

  it('by digest, past the push window: a HEAD to the origin, a lookup, and a write of the descriptor only', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, { ...CLOSED, PUSH_EXISTENCE_TTL: '10s' });
    await edge.fetch(manifest.path, GET);
    edge.clock.advance(10_000);
    expect(await costOf(edge, manifest, manifest.path, GET)).toEqual({ origin: ['HEAD'], store: trips(2) });
  });

  it('by tag, cold: the cost of the digest; in Redis, two lookups and a write for the tag', async () => {
    const [one, other] = [await pushManifest(), await pushManifest()];
    const edge = createMeteredEdge(backend, OPEN);
    expect(await costOf(edge, one, one.tagPath, HEAD)).toEqual({ origin: ['HEAD'], store: trips(2, 5, 3) });
    expect(await costOf(edge, other, other.tagPath, GET)).toEqual({ origin: ['GET'], store: trips(4, 7, 5) });
  });

  it('by tag, within TAG_TTL: nothing; in Redis, a lookup of the tag', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    await edge.fetch(manifest.tagPath, GET);
    for (const init of [HEAD, GET]) {
      expect(await costOf(edge, manifest, manifest.tagPath, init)).toEqual({ origin: [], store: trips(0, 1) });
    }
  });

  it('by tag, after TAG_TTL: one HEAD to the origin; in Redis, two lookups of the tag and a write', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    await edge.fetch(manifest.tagPath, GET);
    // The HEAD writes the descriptor once more, since both methods have confirmed its media type now.
    for (const [init, descriptorWrites] of [
      [HEAD, 1],
      [GET, 0],
    ] as const) {
      edge.clock.advance(PAST_TAG_MS);
      const cost = { origin: ['HEAD'], store: trips(descriptorWrites, 3 + descriptorWrites, 2) };
      expect(await costOf(edge, manifest, manifest.tagPath, init)).toEqual(cost);
    }
  });

  it('by tag, moved to a manifest that is not stored: a HEAD and a GET to the origin', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, OPEN);
    await edge.fetch(manifest.tagPath, GET);
    const moved = await pushManifest({ name: manifest.name });
    edge.clock.advance(PAST_TAG_MS);
    expect((await costOf(edge, moved, moved.tagPath, GET)).origin).toEqual(['HEAD', 'GET']);
  });

  it('by tag, for a caller who may push: the origin every time, and no lookup of the tag', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(backend, CLOSED);
    await edge.fetch(manifest.tagPath, GET);
    // The first HEAD after a GET confirms the media type for both methods, which is written.
    expect(await costOf(edge, manifest, manifest.tagPath, HEAD)).toEqual({ origin: ['HEAD'], store: trips(2) });
    expect(await costOf(edge, manifest, manifest.tagPath, HEAD)).toEqual({ origin: ['HEAD'], store: trips(1) });
    expect(await costOf(edge, manifest, manifest.tagPath, GET)).toEqual({ origin: ['GET'], store: trips(1) });
  });
});
