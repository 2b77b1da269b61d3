import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, mirrored, stableHeaders } from '../support/edge.ts';
import { createFailingEdge, type Failure, OPEN, pushAndFetch } from '../support/failingEdge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, OCI_INDEX, pushManifest } from '../support/pushManifest.ts';
import { SHARED_STORES, STORES, storeNamed } from '../support/stores.ts';

const METHODS = ['HEAD', 'GET'] as const;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MEMORY = storeNamed('memory').variables;

describe.each(STORES)('STALE_IF_ERROR, for callers that only pull, with the cache in $name', ({ variables }) => {
  it.each<[Failure, string]>([
    [500, 'origin-500'],
    [502, 'origin-502'],
    [503, 'origin-503'],
    [504, 'origin-504'],
    [429, 'origin-429'],
    ['unreachable', 'unreachable'],
    ['too late', 'unreachable'],
  ])('answers with the last good tag and manifest: %s', async (failure, detail) => {
    const edge = createFailingEdge({ ...variables, ORIGIN_TIMEOUT: failure === 'too late' ? '500ms' : '5s' });
    const manifest = await pushAndFetch(edge);
    const warm = await Promise.all(METHODS.map((method) => edge.fetch(manifest.tagPath, manifestRequest(method))));
    edge.clock.advance(10_000);
    await edge.failOrigin(manifest, failure);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const [at, method] of METHODS.entries()) {
        const response = await edge.fetch(path, manifestRequest(method));
        expect([response.status, cacheStatusOf(response)]).toEqual([200, `registry-edge; fwd=stale; detail=${detail}`]);
        expect(stableHeaders(response)).toEqual(stableHeaders(warm[at] ?? new Response()));
        expect(await response.text()).toBe(method === 'GET' ? manifest.bytes : '');
      }
    }
  });

  it.each([401, 403, 404])('relays a %i, which is the origin’s decision and no failure', async (status) => {
    const edge = createFailingEdge(variables);
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await edge.failOrigin(manifest, status);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS)
        expect((await edge.fetch(path, manifestRequest(method))).status).toBe(mirrored(status));
    }
    // The decision holds when the origin fails afterwards.
    await rig.forget(`/v2/${manifest.name}/`);
    await edge.failOrigin(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, manifestRequest(method))).status).toBe(503);
    }
  });

  it('answers with the last good tag and manifest if a HEAD says too little and the GET fails', async () => {
    const edge = createFailingEdge(variables);
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await rig.rule({
      prefix: `/v2/${manifest.name}/`,
      method: 'HEAD',
      status: 200,
      headers: { 'content-type': 'a/b' },
    });
    await edge.failOrigin(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      const response = await edge.fetch(path, manifestRequest('GET'));
      expect([response.status, await response.text()]).toEqual([200, manifest.bytes]);
    }
  });

  it.each<[Failure, number]>([
    [503, 503],
    ['unreachable', 502],
  ])('answers until STALE_IF_ERROR after the window, then fails: %s, %i', async (failure, status) => {
    const edge = createFailingEdge(variables);
    const manifest = await pushAndFetch(edge);
    await edge.failOrigin(manifest, failure);
    edge.clock.advance(HOUR_MS + 9_999);
    const questions = [manifest.tagPath, manifest.path].flatMap((path) =>
      METHODS.map((method) => [path, method] as const),
    );
    for (const [path, method] of questions) {
      expect((await edge.fetch(path, manifestRequest(method))).status).toBe(200);
    }
    edge.clock.advance(1);
    for (const [path, method] of questions) {
      const response = await edge.fetch(path, manifestRequest(method));
      expect([response.status, cacheStatusOf(response)?.includes('detail')]).toEqual([status, false]);
    }
  });

  it('answers by tag only while the manifest’s entry exists', async () => {
    const edge = createFailingEdge({ ...variables, TAG_TTL: '1m' });
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await rig.rule({ prefix: manifest.path, status: 404, times: 1 });
    expect((await edge.fetch(manifest.path, manifestRequest('HEAD'))).status).toBe(404);
    await edge.failOrigin(manifest, 503);
    for (const method of METHODS)
      expect((await edge.fetch(manifest.tagPath, manifestRequest(method))).status).toBe(503);
  });
});

describe.each(SHARED_STORES)('STALE_IF_ERROR, with the store $name', ({ variables }) => {
  it('does not answer by tag once another edge has deleted the manifest', async () => {
    const edge = createFailingEdge({ ...variables, MEMORY_TTL: '0' });
    const manifest = await pushAndFetch(edge);
    await createEdge(variables).fetch(manifest.path, { method: 'DELETE' });
    edge.clock.advance(10_000);
    await edge.failOrigin(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, manifestRequest(method))).status).toBe(503);
    }
  });
});

describe('STALE_IF_ERROR', () => {
  it('of 0 relays the origin’s failure, and answers 502 in OCI JSON if the origin is unreachable', async () => {
    for (const [failure, status] of [
      [503, 503],
      [429, 429],
      ['unreachable', 502],
    ] as const) {
      const edge = createFailingEdge({ ...MEMORY, STALE_IF_ERROR: '0' });
      const [manifest, uncached] = [await pushAndFetch(edge), await pushManifest()];
      edge.clock.advance(10_000);
      for (const { name } of [manifest, uncached]) await edge.failOrigin({ name }, failure);
      for (const path of [manifest.tagPath, manifest.path, uncached.tagPath, uncached.path]) {
        const [head, get] = [
          await edge.fetch(path, manifestRequest('HEAD')),
          await edge.fetch(path, manifestRequest('GET')),
        ];
        expect([head.status, get.status, await head.text()]).toEqual([status, status, '']);
        const text = await get.text();
        expect(JSON.parse(text)).toHaveProperty('errors');
        expect(Number(get.headers.get('content-length') ?? text.length)).toBe(text.length);
        if (status === 502) expect(text).toContain('"UNAVAILABLE"');
      }
    }
  });

  it('does not answer callers that may push', async () => {
    const edge = createEdge({ ...OPEN, ...MEMORY, CLIENT_AUTH: 'origin', PUSH_EXISTENCE_TTL: '10s' });
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await rig.rule({ prefix: `/v2/${manifest.name}/`, status: 503 });
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, manifestRequest(method))).status).toBe(503);
    }
  });

  it('does not answer for blobs', async () => {
    const edge = createFailingEdge(MEMORY);
    const blob = await pushBlob();
    await edge.fetch(blob.path, { method: 'HEAD' });
    edge.clock.advance(10_000);
    await edge.failOrigin(blob, 503);
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(503);
  });

  it('does not answer callers that do not accept the stored media type', async () => {
    const edge = createFailingEdge(MEMORY);
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await edge.failOrigin(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS)
        expect((await edge.fetch(path, manifestRequest(method, OCI_INDEX))).status).toBe(503);
    }
  });

  it.each([
    ['GETs of the tag', ['GET tag']],
    ['a HEAD of the tag and a GET of the digest, as docker sends them', ['HEAD tag', 'GET digest']],
  ])('counts from the last confirmation, however long ago the content was fetched: %s', async (_what, questions) => {
    const edge = createFailingEdge({ ...MEMORY, DESCRIPTOR_TTL: '1h' });
    const manifest = await pushAndFetch(edge);
    const pull = async () => {
      for (const question of questions) {
        const [method, by] = question.split(' ') as ['HEAD' | 'GET', string];
        const response = await edge.fetch(by === 'tag' ? manifest.tagPath : manifest.path, manifestRequest(method));
        expect([response.status, await response.text()]).toEqual([200, method === 'GET' ? manifest.bytes : '']);
      }
    };
    for (let outages = 0; outages < 3; outages++) {
      for (let minutes = 0; minutes < 110; minutes += 5) {
        edge.clock.advance(5 * MINUTE_MS);
        await pull();
      }
      await edge.failOrigin(manifest, 503);
      edge.clock.advance(59 * MINUTE_MS);
      await pull();
      await rig.forget(`/v2/${manifest.name}/`);
    }
  });
});
