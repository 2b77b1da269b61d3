import { describe, expect, it } from 'vitest';
import { createBudget } from '../../src/http/body/budget.ts';
import { createOrigin } from '../../src/origin/client.ts';
import { cacheStatusOf, createEdge, type Edge, lastingHeaders } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { asking, OCI_INDEX, type PushedManifest, pushManifest, STORES } from '../support/pushManifest.ts';

const METHODS = ['HEAD', 'GET'] as const;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', DESCRIPTOR_TTL: '10s', STALE_IF_ERROR: '1h' };
const [MEMORY = {}] = STORES.map(([, variables]) => variables);

type Illness = number | 'unreachable' | 'too late';

/** An edge whose origin falls ill when it is told. */
function createPatient(variables: Record<string, string>) {
  let isGone = false;
  const url = new URL('http://127.0.0.1:1');
  const gone = createOrigin({
    url,
    timeoutMs: 1_000,
    redirectHosts: undefined,
    identity: false,
    bodies: createBudget(0),
  });
  const edge = createEdge(
    { ...OPEN, ...variables },
    { upstream: (made) => Object.defineProperty({ ...made }, 'origin', { get: () => (isGone ? gone : made.origin) }) },
  );
  return {
    ...edge,
    async fallIll({ name }: { name: string }, illness: Illness, headers: Record<string, string> = {}) {
      const prefix = `/v2/${name}/`;
      if (illness === 'unreachable') isGone = true;
      else if (illness === 'too late') await rig.rule({ prefix, delayMs: 900 });
      else await rig.rule({ prefix, status: illness, headers, body: '{"errors":[]}' });
    },
  };
}

/** A manifest that an edge has fetched by its tag, so that it knows it by its digest too. */
async function fetched(edge: Edge): Promise<PushedManifest> {
  const manifest = await pushManifest();
  await edge.fetch(manifest.tagPath, asking('GET'));
  return manifest;
}

describe.each(STORES)('STALE_IF_ERROR, to callers who only pull, cache in %s', (_store, variables) => {
  it.each<[Illness, string]>([
    [500, 'origin-500'],
    [502, 'origin-502'],
    [503, 'origin-503'],
    [504, 'origin-504'],
    [429, 'origin-429'],
    ['unreachable', 'unreachable'],
    ['too late', 'unreachable'],
  ])('%s: the last good tag and manifest answer', async (illness, detail) => {
    const edge = createPatient({ ...variables, ORIGIN_TIMEOUT: illness === 'too late' ? '500ms' : '5s' });
    const manifest = await fetched(edge);
    const warm = await Promise.all(METHODS.map((method) => edge.fetch(manifest.tagPath, asking(method))));
    edge.clock.advance(10_000);
    await edge.fallIll(manifest, illness);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const [at, method] of METHODS.entries()) {
        const response = await edge.fetch(path, asking(method));
        expect([response.status, cacheStatusOf(response)]).toEqual([200, `registry-edge; fwd=stale; detail=${detail}`]);
        expect(lastingHeaders(response)).toEqual(lastingHeaders(warm[at] ?? new Response()));
        expect(await response.text()).toBe(method === 'GET' ? manifest.bytes : '');
      }
    }
  });

  it.each([401, 403, 404])('%i is the word of the origin, and relayed', async (status) => {
    const edge = createPatient(variables);
    const manifest = await fetched(edge);
    edge.clock.advance(10_000);
    await edge.fallIll(manifest, status);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, asking(method))).status).toBe(status);
    }
    // It stays so when the origin falls ill after it.
    await rig.forget(`/v2/${manifest.name}/`);
    await edge.fallIll(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, asking(method))).status).toBe(503);
    }
  });

  it('a HEAD that tells nothing, and a GET that fails: the last good tag and manifest answer', async () => {
    const edge = createPatient(variables);
    const manifest = await fetched(edge);
    edge.clock.advance(10_000);
    await rig.rule({
      prefix: `/v2/${manifest.name}/`,
      method: 'HEAD',
      status: 200,
      headers: { 'content-type': 'a/b' },
    });
    await edge.fallIll(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      const response = await edge.fetch(path, asking('GET'));
      expect([response.status, await response.text()]).toEqual([200, manifest.bytes]);
    }
  });

  it.each<[Illness, number]>([
    [503, 503],
    ['unreachable', 502],
  ])('%s: answers until STALE_IF_ERROR after the window, then it is a %i', async (illness, status) => {
    const edge = createPatient(variables);
    const manifest = await fetched(edge);
    await edge.fallIll(manifest, illness);
    edge.clock.advance(HOUR_MS + 9_999);
    const questions = [manifest.tagPath, manifest.path].flatMap((path) =>
      METHODS.map((method) => [path, method] as const),
    );
    for (const [path, method] of questions) {
      expect((await edge.fetch(path, asking(method))).status).toBe(200);
    }
    edge.clock.advance(1);
    for (const [path, method] of questions) {
      const response = await edge.fetch(path, asking(method));
      expect([response.status, cacheStatusOf(response)?.includes('detail')]).toEqual([status, false]);
    }
  });

  it('a tag answers only while the entry of its manifest stands', async () => {
    const edge = createPatient({ ...variables, TAG_TTL: '1m' });
    const manifest = await fetched(edge);
    edge.clock.advance(10_000);
    await rig.rule({ prefix: manifest.path, status: 404, times: 1 });
    expect((await edge.fetch(manifest.path, asking('HEAD'))).status).toBe(404);
    await edge.fallIll(manifest, 503);
    for (const method of METHODS) expect((await edge.fetch(manifest.tagPath, asking(method))).status).toBe(503);
  });
});

describe.each(STORES.slice(1))('STALE_IF_ERROR, deleted through another edge, store: %s', (_store, variables) => {
  it('a tag answers no longer', async () => {
    const edge = createPatient({ ...variables, MEMORY_TTL: '0' });
    const manifest = await fetched(edge);
    await createEdge(variables).fetch(manifest.path, { method: 'DELETE' });
    edge.clock.advance(10_000);
    await edge.fallIll(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, asking(method))).status).toBe(503);
    }
  });
});

describe('STALE_IF_ERROR', () => {
  it('=0: the failure of the origin is relayed, and an origin out of reach is a 502 in OCI JSON', async () => {
    for (const [illness, status] of [
      [503, 503],
      [429, 429],
      ['unreachable', 502],
    ] as const) {
      const edge = createPatient({ ...MEMORY, STALE_IF_ERROR: '0' });
      const [manifest, unknown] = [await fetched(edge), await pushManifest()];
      edge.clock.advance(10_000);
      for (const { name } of [manifest, unknown]) await edge.fallIll({ name }, illness);
      for (const path of [manifest.tagPath, manifest.path, unknown.tagPath, unknown.path]) {
        const [head, get] = [await edge.fetch(path, asking('HEAD')), await edge.fetch(path, asking('GET'))];
        expect([head.status, get.status, await head.text()]).toEqual([status, status, '']);
        const text = await get.text();
        expect(JSON.parse(text)).toHaveProperty('errors');
        expect(Number(get.headers.get('content-length') ?? text.length)).toBe(text.length);
        if (status === 502) expect(text).toContain('"UNAVAILABLE"');
      }
    }
  });

  it('is not for callers who may push', async () => {
    const edge = createEdge({ ...OPEN, ...MEMORY, CLIENT_AUTH: 'origin', PUSH_EXISTENCE_TTL: '10s' });
    const manifest = await fetched(edge);
    edge.clock.advance(10_000);
    await rig.rule({ prefix: `/v2/${manifest.name}/`, status: 503 });
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, asking(method))).status).toBe(503);
    }
  });

  it('is not for blobs', async () => {
    const edge = createPatient(MEMORY);
    const blob = await pushBlob();
    await edge.fetch(blob.path, { method: 'HEAD' });
    edge.clock.advance(10_000);
    await edge.fallIll(blob, 503);
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(503);
  });

  it('is not for callers who do not take the type of what is known', async () => {
    const edge = createPatient(MEMORY);
    const manifest = await fetched(edge);
    edge.clock.advance(10_000);
    await edge.fallIll(manifest, 503);
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS) expect((await edge.fetch(path, asking(method, OCI_INDEX))).status).toBe(503);
    }
  });

  it.each([
    ['GETs of the tag', ['GET tag']],
    ['a HEAD of the tag and a GET of the digest, as docker asks', ['HEAD tag', 'GET digest']],
  ])('holds from the last confirmation, however long ago the content was fetched: %s', async (_what, asked) => {
    const edge = createPatient({ ...MEMORY, DESCRIPTOR_TTL: '1h' });
    const manifest = await fetched(edge);
    const pull = async () => {
      for (const question of asked) {
        const [method, by] = question.split(' ') as ['HEAD' | 'GET', string];
        const response = await edge.fetch(by === 'tag' ? manifest.tagPath : manifest.path, asking(method));
        expect([response.status, await response.text()]).toEqual([200, method === 'GET' ? manifest.bytes : '']);
      }
    };
    for (let outages = 0; outages < 3; outages++) {
      for (let minutes = 0; minutes < 110; minutes += 5) {
        edge.clock.advance(5 * MINUTE_MS);
        await pull();
      }
      await edge.fallIll(manifest, 503);
      edge.clock.advance(59 * MINUTE_MS);
      await pull();
      await rig.forget(`/v2/${manifest.name}/`);
    }
  });
});

describe('a 429 with Retry-After', () => {
  const PAUSED = 'registry-edge; fwd=stale; detail=paused';
  const ASKED = 'registry-edge; fwd=stale; detail=origin-429';

  /** What is known is past its window, and the origin answers with a 429. */
  async function limited(retryAfter: string | ((nowMs: number) => string)) {
    const edge = createPatient(MEMORY);
    const manifest = await fetched(edge);
    edge.clock.advance(10_000);
    const text = typeof retryAfter === 'string' ? retryAfter : retryAfter(edge.clock.now());
    await edge.fallIll(manifest, 429, { 'retry-after': text });
    expect(cacheStatusOf(await edge.fetch(manifest.tagPath, asking('GET')))).toBe(ASKED);
    return { edge, manifest };
  }

  it.each<[string, string | ((nowMs: number) => string), number, number]>([
    ['60', '60', 59_999, 60_000],
    ['in an hour', '3600', 299_999, 300_000],
    ['a date in a minute', (nowMs) => new Date(nowMs + MINUTE_MS).toUTCString(), 58_999, 60_000],
    ['a date in an hour', (nowMs) => new Date(nowMs + HOUR_MS).toUTCString(), 299_999, 300_000],
  ])(
    '429 and Retry-After, %s: what is known is not asked for until then, by tag or by digest',
    async (_what, retryAfter, lastMs, endMs) => {
      const { edge, manifest } = await limited(retryAfter);
      const asked = (await manifest.questions()).length;
      edge.clock.advance(lastMs);
      for (const path of [manifest.tagPath, manifest.path]) {
        for (const method of METHODS) expect(cacheStatusOf(await edge.fetch(path, asking(method)))).toBe(PAUSED);
      }
      expect(await manifest.questions()).toHaveLength(asked);
      edge.clock.advance(endMs - lastMs);
      await rig.forget(`/v2/${manifest.name}/`);
      expect(cacheStatusOf(await edge.fetch(manifest.tagPath, asking('GET')))).toBe('registry-edge; fwd=stale; stored');
      expect(await manifest.questions()).toHaveLength(asked + 1);
    },
  );

  it.each(['', '0', '-1', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    '429 and Retry-After: %j pauses nothing',
    async (retryAfter) => {
      const { edge, manifest } = await limited(retryAfter);
      expect(cacheStatusOf(await edge.fetch(manifest.tagPath, asking('HEAD')))).toBe(ASKED);
      expect((await manifest.questions()).slice(-2)).toEqual(['HEAD latest', 'HEAD latest']);
    },
  );

  it('is for no caller without a last good answer, and for no blob; what is fresh stays a hit', async () => {
    const { edge, manifest } = await limited('60');
    const { name } = manifest;
    const asked = async (path: string, init: RequestInit) => (await edge.fetch(path, init)).status;
    const [other, blob] = [await pushManifest(), await pushBlob()];
    expect(await asked(other.tagPath, asking('GET'))).toBe(200);
    expect(cacheStatusOf(await edge.fetch(other.tagPath, asking('GET')))).toBe('registry-edge; hit; detail=memory');
    expect(await asked(blob.path, { method: 'HEAD' })).toBe(200);
    edge.clock.advance(10_000);
    expect(await asked(blob.path, { method: 'HEAD' })).toBe(200);
    expect(await blob.asked()).toBe(2);
    const limit = await edge.fetch(`/v2/${name}/manifests/other`, asking('GET'));
    expect([limit.status, limit.headers.get('retry-after')]).toEqual([429, '60']);
    expect(await manifest.questions()).toContain('GET other');
  });

  it('keeps no write, and no caller who may push, from the origin', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...OPEN, ...MEMORY, CLIENT_AUTH: 'origin' });
    await edge.fetch(manifest.tagPath, asking('GET'));
    await rig.rule({ prefix: manifest.tagPath, status: 429, headers: { 'retry-after': '60' }, times: 1 });
    expect((await edge.fetch(manifest.tagPath, asking('GET'))).status).toBe(429);
    expect((await edge.fetch(manifest.tagPath, asking('GET'))).status).toBe(200);
    expect((await edge.fetch(`/v2/${manifest.name}/blobs/uploads/`, { method: 'POST' })).status).toBe(202);
  });
});
