import { afterEach, describe, expect, it, vi } from 'vitest';
import { CONTENT_TIMEOUT_MS, STORE_TIMEOUT_MS } from '../../src/stores/options.ts';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { pushBlob } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { ADDRESS, NO_REDIS, REDIS } from '../support/redisStore.ts';

const HEAD = { method: 'HEAD' };
const QUICK = { ...REDIS, CACHE_TIMEOUT: '100ms', MEMORY_TTL: '0' };
const isPaused = (edge: Edge) =>
  edge.log.some((line) => line.includes('the store keeps failing: reads of it are paused'));

/** From now on reads of content from Redis take this long. */
function delayContent(ms: number): void {
  const send = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const isContent = String(input).startsWith(ADDRESS.url) && String(init?.body).startsWith('["getex"');
    if (!isContent) return send(input, init);
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      init?.signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(init.signal?.reason);
      });
    });
    return send(input, init);
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.skipIf(NO_REDIS)('content that is slow to arrive from Redis', () => {
  it.each([
    ['after the timeout of descriptors', STORE_TIMEOUT_MS + 200],
    ['after the timeout of content', CONTENT_TIMEOUT_MS + 60_000],
  ])(
    '%s does not pause reads, and the origin answers six simultaneous requests',
    { timeout: 20_000 },
    async (_when, ms) => {
      const manifest = await pushManifest();
      const blob = await pushBlob(undefined, manifest.name);
      const edge = createEdge(QUICK);
      for (const path of [manifest.path, blob.path]) await edge.fetch(path, manifestRequest('GET'));
      await edge.fetch(blob.path, HEAD);
      delayContent(ms);
      const since = performance.now();
      const sent = Array.from({ length: 6 }, () => edge.send(manifest.path, manifestRequest('GET')));
      for (const { answer } of sent) expect((await answer).status).toBe(200);
      expect(performance.now() - since).toBeLessThan(STORE_TIMEOUT_MS);
      await Promise.all(sent.map(({ over }) => over));
      expect(isPaused(edge)).toBe(false);
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('registry-edge; hit');
    },
  );

  it('does not prevent the pause of reads when the store is down', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...QUICK, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' });
    for (let n = 0; n < 7; n++) expect((await edge.fetch(manifest.path, manifestRequest('GET'))).status).toBe(200);
    expect(isPaused(edge)).toBe(true);
  });
});
