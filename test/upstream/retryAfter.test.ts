import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { createFailingEdge, OPEN, pushAndFetch } from '../support/failingEdge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { storeNamed } from '../support/stores.ts';

const METHODS = ['HEAD', 'GET'] as const;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MEMORY = storeNamed('memory').variables;

describe('a 429 with Retry-After', () => {
  const PAUSED = 'registry-edge; fwd=stale; detail=paused';
  const NOT_PAUSED = 'registry-edge; fwd=stale; detail=origin-429';

  /** Makes an edge whose stored manifest is past its window and whose origin has just answered 429. */
  async function limitRate(retryAfter: string | ((nowMs: number) => string)) {
    const edge = createFailingEdge(MEMORY);
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    const text = typeof retryAfter === 'string' ? retryAfter : retryAfter(edge.clock.now());
    await edge.failOrigin(manifest, 429, { 'retry-after': text });
    expect(cacheStatusOf(await edge.fetch(manifest.tagPath, manifestRequest('GET')))).toBe(NOT_PAUSED);
    return { edge, manifest };
  }

  it.each<[string, string | ((nowMs: number) => string), number, number]>([
    ['a minute in seconds', '60', 59_999, 60_000],
    ['an hour in seconds', '3600', 299_999, 300_000],
    ['a date in a minute', (nowMs) => new Date(nowMs + MINUTE_MS).toUTCString(), 58_999, 60_000],
    ['a date in an hour', (nowMs) => new Date(nowMs + HOUR_MS).toUTCString(), 299_999, 300_000],
  ])(
    'pauses questions for what is stored until then, but for at most five minutes: %s',
    async (_what, retryAfter, lastMs, endMs) => {
      const { edge, manifest } = await limitRate(retryAfter);
      const questions = (await manifest.questions()).length;
      edge.clock.advance(lastMs);
      for (const path of [manifest.tagPath, manifest.path]) {
        for (const method of METHODS)
          expect(cacheStatusOf(await edge.fetch(path, manifestRequest(method)))).toBe(PAUSED);
      }
      expect(await manifest.questions()).toHaveLength(questions);
      edge.clock.advance(endMs - lastMs);
      await rig.forget(`/v2/${manifest.name}/`);
      expect(cacheStatusOf(await edge.fetch(manifest.tagPath, manifestRequest('GET')))).toBe(
        'registry-edge; fwd=stale; stored',
      );
      expect(await manifest.questions()).toHaveLength(questions + 1);
    },
  );

  it.each(['', '0', '-1', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'pauses nothing if its value is %j',
    async (retryAfter) => {
      const { edge, manifest } = await limitRate(retryAfter);
      expect(cacheStatusOf(await edge.fetch(manifest.tagPath, manifestRequest('HEAD')))).toBe(NOT_PAUSED);
      expect((await manifest.questions()).slice(-2)).toEqual(['HEAD latest', 'HEAD latest']);
    },
  );

  it('pauses no questions without a last good answer, nor for blobs, and fresh entries stay hits', async () => {
    const { edge, manifest } = await limitRate('60');
    const { name } = manifest;
    const statusOf = async (path: string, init: RequestInit) => (await edge.fetch(path, init)).status;
    const [other, blob] = [await pushManifest(), await pushBlob()];
    expect(await statusOf(other.tagPath, manifestRequest('GET'))).toBe(200);
    expect(cacheStatusOf(await edge.fetch(other.tagPath, manifestRequest('GET')))).toBe(
      'registry-edge; hit; detail=memory',
    );
    expect(await statusOf(blob.path, { method: 'HEAD' })).toBe(200);
    edge.clock.advance(10_000);
    expect(await statusOf(blob.path, { method: 'HEAD' })).toBe(200);
    expect(await blob.asked()).toBe(2);
    const relayed = await edge.fetch(`/v2/${name}/manifests/other`, manifestRequest('GET'));
    expect([relayed.status, relayed.headers.get('retry-after')]).toEqual([429, '60']);
    expect(await manifest.questions()).toContain('GET other');
  });

  it('pauses no writes and no callers that may push', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...OPEN, ...MEMORY, CLIENT_AUTH: 'origin' });
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    await rig.rule({ prefix: manifest.tagPath, status: 429, headers: { 'retry-after': '60' }, times: 1 });
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(429);
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(200);
    expect((await edge.fetch(`/v2/${manifest.name}/blobs/uploads/`, { method: 'POST' })).status).toBe(202);
  });
});
