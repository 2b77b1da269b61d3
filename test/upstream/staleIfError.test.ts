import { describe, expect, it } from 'vitest';
import { createBudget } from '../../src/http/body/budget.ts';
import { createOrigin } from '../../src/origin/client.ts';
import { cacheStatusOf, createEdge, type Edge, stableHeaders } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, OCI_INDEX, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { SHARED_STORES, STORES, storeNamed } from '../support/stores.ts';

const METHODS = ['HEAD', 'GET'] as const;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', DESCRIPTOR_TTL: '10s', STALE_IF_ERROR: '1h' };
const MEMORY = storeNamed('memory').variables;

type Failure = number | 'unreachable' | 'too late';

/** Makes an edge whose origin a test can make fail. */
function createFailingEdge(variables: Record<string, string>) {
  let isDown = false;
  const url = new URL('http://127.0.0.1:1');
  const down = createOrigin({
    url,
    timeoutMs: 1_000,
    redirectHosts: undefined,
    askedAs: 'nobody',
    bodies: createBudget(0),
  });
  const edge = createEdge(
    { ...OPEN, ...variables },
    { upstream: (made) => Object.defineProperty({ ...made }, 'origin', { get: () => (isDown ? down : made.origin) }) },
  );
  return {
    ...edge,
    async failOrigin({ name }: { name: string }, failure: Failure, headers: Record<string, string> = {}) {
      const prefix = `/v2/${name}/`;
      if (failure === 'unreachable') isDown = true;
      else if (failure === 'too late') await rig.rule({ prefix, delayMs: 900 });
      else await rig.rule({ prefix, status: failure, headers, body: '{"errors":[]}' });
    },
  };
}

/** Pushes a manifest and fetches it by its tag, so that the edge has it by its digest, too. */
async function pushAndFetch(edge: Edge): Promise<PushedManifest> {
  const manifest = await pushManifest();
  await edge.fetch(manifest.tagPath, manifestRequest('GET'));
  return manifest;
}

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
      for (const method of METHODS) expect((await edge.fetch(path, manifestRequest(method))).status).toBe(status);
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
