import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge, stableHeaders } from '../../support/edge.ts';
import { rig } from '../../support/push.ts';
import {
  DOCKER_MANIFEST,
  manifestRequest,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
} from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';

const OCI_OR_ANY = `${OCI_MANIFEST}, */*`;
const METHODS = ['HEAD', 'GET'] as const;
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s' };
const atOrigin = (path: string, method: string) => fetch(inject('originUrl') + path, { method });

/** Sends a request. Returns its answer, and the questions that it asked the origin. */
async function ask(edge: Edge, manifest: PushedManifest, init: RequestInit, path = manifest.tagPath) {
  const before = (await manifest.questions()).length;
  const response = await edge.fetch(path, init);
  const text = await response.text();
  const digest = response.headers.get('docker-content-digest');
  return { status: response.status, digest, text, questions: (await manifest.questions()).slice(before) };
}

describe.each(STORES)('a manifest by tag for pull-only callers, cache in $name', ({ variables }) => {
  it.each(METHODS)('%s: costs no question within TAG_TTL, and one HEAD after it', async (method) => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN });
    const cold = await edge.fetch(manifest.tagPath, manifestRequest(method));
    expect(cacheStatusOf(cold)).toBe('registry-edge; fwd=miss; stored');
    edge.clock.advance(9_999);
    const warm = await edge.fetch(manifest.tagPath, manifestRequest(method));
    expect(cacheStatusOf(warm)).toContain('registry-edge; hit');
    edge.clock.advance(1);
    const renewed = await edge.fetch(manifest.tagPath, manifestRequest(method));
    expect(cacheStatusOf(renewed)).toBe('registry-edge; fwd=stale; stored');
    edge.clock.advance(9_999);
    expect(cacheStatusOf(await edge.fetch(manifest.tagPath, manifestRequest(method)))).toContain('registry-edge; hit');
    expect(await manifest.questions()).toEqual([`${method} latest`, 'HEAD latest']);
    for (const response of [cold, warm, renewed]) {
      expect(stableHeaders(response)).toEqual({
        'content-type': OCI_MANIFEST,
        'docker-content-digest': manifest.digest,
        etag: `"${manifest.digest}"`,
        'docker-distribution-api-version': 'registry/2.0',
        'cache-control': 'no-cache, no-transform',
        'content-length': String(manifest.bytes.length),
      });
      expect([response.status, await response.text()]).toEqual([200, method === 'GET' ? manifest.bytes : '']);
    }
  });

  it('a GET fills the cache for HEADs and for requests by digest', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN });
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    for (const path of [manifest.tagPath, manifest.path]) {
      for (const method of METHODS)
        expect((await ask(edge, manifest, manifestRequest(method), path)).questions).toEqual([]);
    }
  });

  it.each([
    ['HEAD', 'new', ['HEAD latest']],
    ['GET', 'new', ['HEAD latest', 'GET latest']],
    ['GET', 'stored', ['HEAD latest']],
  ] as const)(
    '%s: a move of the tag to a manifest that is %s is seen after TAG_TTL',
    async (method, kind, questions) => {
      const old = await pushManifest();
      const edge = createEdge({ ...variables, ...OPEN });
      await edge.fetch(old.tagPath, manifestRequest('GET'));
      const { name } = old;
      const moved = await pushManifest({ name });
      if (kind === 'stored') await edge.fetch(moved.path, manifestRequest('GET'));
      edge.clock.advance(9_999);
      expect(await ask(edge, moved, manifestRequest(method))).toMatchObject({ digest: old.digest, questions: [] });
      edge.clock.advance(1);
      const text = method === 'GET' ? moved.bytes : '';
      expect(await ask(edge, moved, manifestRequest(method))).toEqual({
        status: 200,
        digest: moved.digest,
        text,
        questions,
      });
      expect(await ask(edge, moved, manifestRequest(method))).toMatchObject({ digest: moved.digest, questions: [] });
    },
  );

  it('has a variant for each set of accepted types, whatever their order', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN });
    const variants = [OCI_MANIFEST, `${OCI_MANIFEST}, ${OCI_INDEX},${DOCKER_MANIFEST}`, OCI_OR_ANY];
    for (const [n, accept] of variants.entries()) {
      // A HEAD shows that the tag still points to the manifest of the other variant.
      const expected = [n === 0 ? 'GET latest' : 'HEAD latest'];
      expect((await ask(edge, manifest, manifestRequest('GET', accept))).questions).toEqual(expected);
    }
    const others = [
      `${DOCKER_MANIFEST}, ${OCI_MANIFEST} ,\t${OCI_INDEX}`,
      `${OCI_INDEX},${DOCKER_MANIFEST},${OCI_MANIFEST},${OCI_INDEX}`,
    ];
    for (const accept of [...variants, ...others]) {
      const { text, questions } = await ask(edge, manifest, manifestRequest('GET', accept));
      expect([accept, text, questions]).toEqual([accept, manifest.bytes, []]);
    }
  });

  it.each([null, '*/*', OCI_INDEX])(
    'always asks the origin for callers whose Accept does not name its media type: %s',
    async (accept) => {
      const manifest = await pushManifest();
      const edge = createEdge({ ...variables, ...OPEN });
      for (let n = 0; n < 3; n++) {
        const { text, questions } = await ask(edge, manifest, manifestRequest('GET', accept));
        expect([text, questions.length]).toEqual([manifest.bytes, 1]);
      }
    },
  );

  it('a 404 of the origin is relayed, and evicts all variants of the tag', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN });
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    edge.clock.advance(5_000);
    await edge.fetch(manifest.tagPath, manifestRequest('GET', OCI_OR_ANY));
    await atOrigin(manifest.tagPath, 'DELETE');
    edge.clock.advance(4_999);
    expect(await ask(edge, manifest, manifestRequest('GET'))).toMatchObject({ status: 200, questions: [] });
    edge.clock.advance(1);
    const gone = await ask(edge, manifest, manifestRequest('GET'));
    expect([gone.status, gone.digest, JSON.parse(gone.text)]).toMatchObject([
      404,
      null,
      { errors: [{ code: 'MANIFEST_UNKNOWN' }] },
    ]);
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET', OCI_OR_ANY))).status).toBe(404);
    // By its digest it is still there.
    expect(await ask(edge, manifest, manifestRequest('GET'), manifest.path)).toMatchObject({
      status: 200,
      questions: [],
    });
  });

  it.each(METHODS)('%s: is not answered from the cache after the origin’s 404 for its manifest', async (method) => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN, DESCRIPTOR_TTL: '1s' });
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    await atOrigin(manifest.path, 'DELETE');
    edge.clock.advance(1_000);
    expect(await ask(edge, manifest, manifestRequest(method))).toMatchObject({ status: 200, questions: [] });
    expect(await ask(edge, manifest, manifestRequest(method), manifest.path)).toMatchObject({ status: 404 });
    expect(await ask(edge, manifest, manifestRequest(method))).toMatchObject({ status: 404 });
  });

  it('is not answered from the cache after the origin’s 404 for a GET, where only a HEAD was stored', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN });
    await edge.fetch(manifest.tagPath, manifestRequest('HEAD'));
    await atOrigin(manifest.path, 'DELETE');
    expect(await ask(edge, manifest, manifestRequest('GET'))).toMatchObject({ status: 404, questions: ['GET latest'] });
    expect(await ask(edge, manifest, manifestRequest('HEAD'))).toMatchObject({ status: 404 });
    expect(await ask(edge, manifest, manifestRequest('GET'), manifest.path)).toMatchObject({ status: 404 });
    expect(await ask(edge, manifest, manifestRequest('HEAD'), manifest.path)).toMatchObject({ status: 404 });
  });

  it('is not answered from the cache after the origin’s 404 for the tag, although its manifest is stored again', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN, DESCRIPTOR_TTL: '1s' });
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    edge.clock.advance(1_000);
    await rig.rule({ prefix: manifest.path, status: 404, times: 1 });
    expect((await edge.fetch(manifest.path, manifestRequest('HEAD'))).status).toBe(404);
    await atOrigin(manifest.tagPath, 'DELETE');
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(404);
    edge.clock.advance(6_000);
    expect((await edge.fetch(manifest.path, manifestRequest('GET'))).status).toBe(200);
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(404);
  });

  it.each([{ STALE_IF_ERROR: '0' }, { STALE_IF_ERROR: '1h' }])(
    'always asks the origin with TAG_TTL=0, %j',
    async (more) => {
      const manifest = await pushManifest();
      const edge = createEdge({ ...variables, ...OPEN, TAG_TTL: '0', ...more });
      for (const method of ['GET', 'GET', 'HEAD', 'HEAD'] as const) {
        const { questions, text } = await ask(edge, manifest, manifestRequest(method));
        expect([questions.length, text]).toEqual([1, method === 'GET' ? manifest.bytes : '']);
      }
    },
  );

  it('many concurrent requests of any callers ask the origin once, and all get the bytes', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN, CACHE_TIMEOUT: '10s' });
    const crowd = Array.from({ length: 100 }, async (_, n) => {
      const init = manifestRequest(
        'GET',
        OCI_MANIFEST,
        n % 2 === 0 ? {} : { authorization: `Bearer ${n}`, cookie: `n=${n}` },
      );
      return (await edge.fetch(manifest.tagPath, init)).text();
    });
    expect(new Set(await Promise.all(crowd))).toEqual(new Set([manifest.bytes]));
    expect(await manifest.questions()).toEqual(['GET latest']);
  });

  it('costs only a HEAD as long as its manifest is stored', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN, DESCRIPTOR_TTL: '1h', STALE_IF_ERROR: '0' });
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    edge.clock.advance(3_599_000);
    const { text, questions } = await ask(edge, manifest, manifestRequest('GET'));
    expect([text, questions]).toEqual([manifest.bytes, ['HEAD latest']]);
  });

  it.each([
    ['a type of other content', 'text/html'],
    ['a long type', `text/${'x'.repeat(2_000)}`],
    ['a partial wildcard', 'application/*'],
    ['a weight', `${DOCKER_MANIFEST};q=0.5`],
  ])('stores no pointer but the manifest for an Accept that no client sends: %s', async (_what, more) => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN });
    const accept = `${OCI_MANIFEST}, ${more}`;
    for (const expected of ['GET latest', 'HEAD latest', 'HEAD latest']) {
      expect((await ask(edge, manifest, manifestRequest('GET', accept))).questions).toEqual([expected]);
    }
    expect((await ask(edge, manifest, manifestRequest('GET', accept), manifest.path)).questions).toEqual([]);
  });

  it('with ?ns= is cached only for MIRRORED_HOSTS, and separately from the tag without it', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...OPEN, MIRRORED_HOSTS: 'docker.io, registry.test:5000' });
    for (const [query, expected] of [
      ['?ns=docker.io', ['GET latest?ns=docker.io']],
      ['?ns=docker.io', []],
      ['?ns=registry.test:5000', ['HEAD latest?ns=registry.test:5000']],
      ['?ns=registry.test:5000', []],
      ['?ns=registry.test%3A5000', []],
      ['', ['HEAD latest']],
      ['', []],
      ...['?ns=ghcr.io', '?ns=docker.io&a=b', '?ns=docker.io:443'].flatMap((other) => [
        [other, [`GET latest${other}`]] as const,
        [other, [`GET latest${other}`]] as const,
      ]),
    ] as const) {
      const { questions, text } = await ask(edge, manifest, manifestRequest('GET'), manifest.tagPath + query);
      expect([query, questions, text]).toEqual([query, expected, manifest.bytes]);
    }
  });

  it('is never answered from the cache where callers may push, but its manifest is stored', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, TAG_TTL: '10s' });
    for (const method of ['GET', 'HEAD', 'GET', 'HEAD'] as const) {
      expect((await ask(edge, manifest, manifestRequest(method))).questions).toEqual([`${method} latest`]);
    }
    for (const method of METHODS) {
      expect(await ask(edge, manifest, manifestRequest(method), manifest.path)).toMatchObject({
        status: 200,
        questions: [],
      });
    }
    const moved = await pushManifest({ name: manifest.name });
    expect(await ask(edge, moved, manifestRequest('GET'))).toMatchObject({ digest: moved.digest, text: moved.bytes });
  });
});
