import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, stableHeaders } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { manifestRequest, OCI_INDEX, OCI_MANIFEST, pushManifest, uniqueManifest } from '../../support/pushManifest.ts';
import { createScriptedServer } from '../../support/scripted.ts';
import { SHARED_STORES, STORES } from '../../support/stores.ts';

const ALICE = 'Basic YWxpY2U6c2VjcmV0';
const MIB = 1_048_576;
const METHODS = ['HEAD', 'GET'] as const;
const DIGEST = 'docker-content-digest';
type Headers = Record<string, string>;
const UNPROVEN = 'registry-edge; fwd=miss; stored; detail=unproven';

/** An answer that no origin should send. */
interface OddAnswer {
  readonly headers: Headers;
  readonly body: string;
  readonly isChunked?: boolean;
}

describe.each(STORES)('a manifest by digest, cache in $name', ({ name: store, variables }) => {
  it.each(METHODS)('%s: the origin answers once, then the cache, with the same headers and bytes', async (method) => {
    const manifest = await pushManifest();
    const edge = createEdge(variables);
    const [cold, warm] = [
      await edge.fetch(manifest.path, manifestRequest(method)),
      await edge.fetch(manifest.path, manifestRequest(method)),
    ];
    expect([cold.status, warm.status]).toEqual([200, 200]);
    expect([cacheStatusOf(cold), cacheStatusOf(warm)?.slice(0, 18)]).toEqual([UNPROVEN, 'registry-edge; hit']);
    expect(stableHeaders(warm)).toEqual(stableHeaders(cold));
    expect(stableHeaders(warm)).toEqual({
      'content-type': OCI_MANIFEST,
      'docker-content-digest': manifest.digest,
      etag: `"${manifest.digest}"`,
      'docker-distribution-api-version': 'registry/2.0',
      'cache-control': 'no-cache, no-transform',
      'content-length': String(manifest.bytes.length),
    });
    for (const response of [cold, warm]) expect(await response.text()).toBe(method === 'GET' ? manifest.bytes : '');
    expect(await manifest.questions()).toEqual([`${method} ${manifest.digest}`]);
  });

  it('a GET fills the cache for HEADs too; a HEAD does not fill it for GETs', async () => {
    const [one, other] = [await pushManifest(), await pushManifest()];
    const edge = createEdge(variables);
    await edge.fetch(one.path, manifestRequest('GET'));
    expect(cacheStatusOf(await edge.fetch(one.path, manifestRequest('HEAD')))).toBe(
      `registry-edge; hit; detail=${store}`,
    );
    await edge.fetch(other.path, manifestRequest('HEAD'));
    for (let n = 0; n < 2; n++)
      expect(await (await edge.fetch(other.path, manifestRequest('GET'))).text()).toBe(other.bytes);
    expect(await one.questions()).toEqual([`GET ${one.digest}`]);
    expect(await other.questions()).toEqual([`HEAD ${other.digest}`, `GET ${other.digest}`]);
  });

  it.each(METHODS)('%s: If-None-Match is a 304 without a body, cold and warm', async (method) => {
    const { digest, path } = await pushManifest();
    const edge = createEdge(variables);
    for (const condition of [`"${digest}"`, digest, `W/"${digest}"`, `"x", "${digest}"`]) {
      const response = await edge.fetch(path, manifestRequest(method, OCI_MANIFEST, { 'if-none-match': condition }));
      expect([response.status, await response.text(), response.headers.get('etag')]).toEqual([304, '', `"${digest}"`]);
    }
    const other = await edge.fetch(path, manifestRequest(method, OCI_MANIFEST, { 'if-none-match': '"sha256:other"' }));
    expect([other.status, cacheStatusOf(other)?.slice(0, 18)]).toEqual([200, 'registry-edge; hit']);
  });

  it.each(METHODS)('%s: the cache answers only callers whose Accept names its media type', async (method) => {
    const { path, digest, questions } = await pushManifest();
    const edge = createEdge(variables);
    await edge.fetch(path, manifestRequest(method));
    for (const accept of [`${OCI_INDEX}, ${OCI_MANIFEST};q=0.5`, `text/html,${OCI_MANIFEST} ; a=b`]) {
      expect(cacheStatusOf(await edge.fetch(path, manifestRequest(method, accept)))).toContain('; hit');
    }
    expect(await questions()).toEqual([`${method} ${digest}`]);
    const others = [null, '', '*/*', 'application/*', OCI_INDEX, `${OCI_MANIFEST}+more`, `${OCI_MANIFEST};q=0`];
    for (const accept of others) {
      const before = (await questions()).length;
      const response = await edge.fetch(path, manifestRequest(method, accept));
      expect([accept, response.status, (await questions()).length]).toEqual([accept, 200, before + 1]);
      expect(cacheStatusOf(response)).toBe('registry-edge; fwd=vary-miss; stored');
    }
  });

  it('a 404 for callers whose Accept does not name its media type does not evict it', async () => {
    const { path } = await pushManifest();
    const edge = createEdge(variables);
    await edge.fetch(path, manifestRequest('GET'));
    await rig.rule({ prefix: path, status: 404 });
    for (const accept of ['*/*', OCI_INDEX]) {
      for (const method of METHODS) expect((await edge.fetch(path, manifestRequest(method, accept))).status).toBe(404);
    }
    for (const method of METHODS) {
      expect(cacheStatusOf(await edge.fetch(path, manifestRequest(method)))).toContain('registry-edge; hit');
    }
  });

  it('many concurrent GETs ask the origin once, and all get the bytes', async () => {
    const manifest = await pushManifest();
    const edge = createEdge(variables);
    const crowd = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await edge.fetch(manifest.path, manifestRequest('GET'));
        return `${response.status} ${await response.text()}`;
      }),
    );
    expect(new Set(crowd)).toEqual(new Set([`200 ${manifest.bytes}`]));
    expect(await manifest.questions()).toEqual([`GET ${manifest.digest}`]);
  });

  it.each(METHODS)('%s: answers 404 right after a DELETE', async (method) => {
    const manifest = await pushManifest();
    const edge = createEdge(variables);
    for (const verb of METHODS) await edge.fetch(manifest.path, manifestRequest(verb));
    expect((await edge.fetch(manifest.path, { method: 'DELETE' })).status).toBe(202);
    for (let n = 0; n < 2; n++) expect((await edge.fetch(manifest.path, manifestRequest(method))).status).toBe(404);
    expect((await manifest.questions()).slice(-2)).toEqual(Array(2).fill(`${method} ${manifest.digest}`));
  });

  it('a blob with the same digest never answers for the manifest, nor the manifest for the blob', async () => {
    const manifest = await pushManifest();
    const blob = await pushBlob(manifest.bytes, manifest.name);
    const elsewhere = await pushBlob(manifest.bytes);
    const edge = createEdge(variables);
    await edge.fetch(manifest.path, manifestRequest('GET'));
    const blobHead = await edge.fetch(blob.path, { method: 'HEAD' });
    expect([blobHead.headers.get('content-type'), cacheStatusOf(blobHead)]).toEqual([
      'application/octet-stream',
      'registry-edge; fwd=miss; stored; detail=unproven',
    ]);
    const manifestHead = await edge.fetch(manifest.path, manifestRequest('HEAD'));
    expect([manifestHead.headers.get('content-type'), cacheStatusOf(manifestHead)]).toEqual([
      OCI_MANIFEST,
      `registry-edge; hit; detail=${store}`,
    ]);
    for (let n = 0; n < 2; n++) await edge.fetch(elsewhere.path, { method: 'HEAD' });
    for (const method of METHODS) {
      const path = `/v2/${elsewhere.name}/manifests/${manifest.digest}`;
      expect((await edge.fetch(path, manifestRequest(method))).status).toBe(404);
    }
  });

  it('past its window it costs a HEAD to the origin, which does not send the body again', async () => {
    const manifest = await pushManifest();
    for (const [auth, windowMs] of [
      ['anonymous', 3_600_000],
      ['origin', 300_000],
    ] as const) {
      const edge = createEdge({ ...variables, CLIENT_AUTH: auth, PUSH_EXISTENCE_TTL: '5m', DESCRIPTOR_TTL: '1h' });
      await edge.fetch(manifest.path, manifestRequest('GET'));
      edge.clock.advance(windowMs - 1);
      await earnGrant(edge, manifest);
      const before = (await manifest.questions()).length;
      expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('GET')))).toContain('; hit');
      edge.clock.advance(1);
      const renewed = await edge.fetch(manifest.path, manifestRequest('GET'));
      expect([await renewed.text(), cacheStatusOf(renewed)]).toEqual([
        manifest.bytes,
        `registry-edge; fwd=stale; stored${auth === 'origin' ? '; detail=push' : ''}`,
      ]);
      expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('GET')))).toContain('; hit');
      expect((await manifest.questions()).slice(before)).toEqual([`HEAD ${manifest.digest}`]);
    }
  });

  it('one of more than 4 MiB passes through completely, and only its HEAD is stored', async () => {
    const manifest = await pushManifest({ bytes: uniqueManifest(4 * MIB) });
    const edge = createEdge(variables);
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(manifest.path, manifestRequest('GET'));
      expect([await response.text(), cacheStatusOf(response)?.includes('stored')]).toEqual([manifest.bytes, false]);
      expect(response.headers.get('content-length')).toBe(String(manifest.bytes.length));
      await edge.fetch(manifest.path, manifestRequest('HEAD'));
    }
    expect((await manifest.questions()).map((question) => question.split(' ')[0])).toEqual(['GET', 'HEAD', 'GET']);
  });

  it('the HEAD of one below 4 MiB is stored, whether or not the store has room for the content', async () => {
    const manifest = await pushManifest({ bytes: uniqueManifest(2 * MIB) });
    const edge = createEdge(variables);
    expect(await (await edge.fetch(manifest.path, manifestRequest('GET'))).text()).toBe(manifest.bytes);
    expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('HEAD')))).toBe(
      `registry-edge; hit; detail=${store}`,
    );
  });

  it.each<[what: string, answerOf: (headers: Headers, bytes: string) => OddAnswer]>([
    ['content of another digest', (headers) => ({ headers, body: '{"not":"it"}' })],
    ['fewer bytes', (headers, bytes) => ({ headers, body: bytes.slice(1) })],
    ['another digest', (headers, body) => ({ headers: { ...headers, [DIGEST]: `sha256:${'0'.repeat(64)}` }, body })],
    ['no Content-Length', (headers, body) => ({ headers, body, isChunked: true })],
    ['no media type', ({ [DIGEST]: digest = '' }, body) => ({ headers: { [DIGEST]: digest }, body })],
    ['a Content-Encoding', (headers, body) => ({ headers: { ...headers, 'content-encoding': 'x' }, body })],
  ])('is relayed unchanged and never stored where the origin sends %s', async (_what, answerOf) => {
    const { bytes, digest, path, ...manifest } = await pushManifest();
    const { headers, body, isChunked } = answerOf({ 'content-type': OCI_MANIFEST, [DIGEST]: digest }, bytes);
    const length = isChunked ? {} : { 'content-length': String(body.length) };
    const origin = createScriptedServer({ body, headers: { ...headers, ...length } });
    const edge = createEdge({ ...variables, ORIGIN_URL: origin.url });
    for (const method of ['GET', 'GET', 'HEAD', 'GET'] as const) {
      const response = await edge.fetch(path, manifestRequest(method));
      expect([response.status, await response.text()]).toEqual([200, method === 'GET' ? body : '']);
      if (method === 'GET') expect(cacheStatusOf(response)).not.toMatch(/stored|hit/);
    }
    expect(await origin.calls()).toHaveLength(4);
    const valid = await createEdge(variables).fetch(path, manifestRequest('GET'));
    expect([await valid.text(), await manifest.questions()]).toEqual([bytes, [`GET ${digest}`]]);
  });
});

describe('the cache serves a manifest by digest to', () => {
  const as = (authorization: string) => manifestRequest('GET', OCI_MANIFEST, { authorization });

  it('no caller whose access is not proven', async () => {
    const manifest = await pushManifest();
    await rig.rule({ prefix: `/v2/${manifest.name}/`, unlessAuthorization: ALICE, status: 401, body: '{}' });
    const edge = createEdge();
    for (const expected of [UNPROVEN, 'registry-edge; hit; detail=durable']) {
      expect(cacheStatusOf(await edge.fetch(manifest.path, as(ALICE)))).toBe(expected);
    }
    for (const init of [
      as('Basic bWFsbG9yeTpndWVzcw'),
      as(`${ALICE}=`),
      manifestRequest('GET'),
      manifestRequest('HEAD'),
    ]) {
      const response = await edge.fetch(manifest.path, init);
      expect([response.status, await response.text()]).toEqual([401, init.method === 'GET' ? '{}' : '']);
      expect([cacheStatusOf(response), response.headers.get('etag')]).toEqual([null, null]);
    }
  });

  it('a caller in another repository only after the origin has answered there', async () => {
    const manifest = await pushManifest();
    const [other, without] = [await pushManifest({ bytes: manifest.bytes }), await pushManifest()];
    const edge = createEdge();
    for (let n = 0; n < 2; n++) await edge.fetch(manifest.path, manifestRequest('GET'));
    expect(cacheStatusOf(await edge.fetch(other.path, manifestRequest('GET')))).toBe(UNPROVEN);
    await edge.fetch(without.path, manifestRequest('GET'));
    const path = without.path.replace(without.digest, manifest.digest);
    for (const method of METHODS) expect((await edge.fetch(path, manifestRequest(method))).status).toBe(404);
    expect(await other.questions()).toEqual([`GET ${other.digest}`]);
  });

  it.each(SHARED_STORES)(
    'a caller who may push only from the shared store, never from memory: $name',
    async ({ variables }) => {
      const manifest = await pushManifest();
      const [one, two] = [createEdge(variables), createEdge(variables)];
      for (const method of ['GET', 'GET', 'HEAD'] as const) await one.fetch(manifest.path, manifestRequest(method));
      expect(await manifest.questions()).toHaveLength(1);
      await two.fetch(manifest.path, { method: 'DELETE' });
      for (const method of METHODS) expect((await one.fetch(manifest.path, manifestRequest(method))).status).toBe(404);
    },
  );

  it('no caller who may push where PUSH_EXISTENCE_TTL=0', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '0' });
    for (let n = 0; n < 3; n++) await edge.fetch(manifest.path, manifestRequest(n === 1 ? 'HEAD' : 'GET'));
    expect(await manifest.questions()).toHaveLength(3);
  });

  it('a pull-only caller from memory within MEMORY_TTL', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ CLIENT_AUTH: 'anonymous', MEMORY_TTL: '30s' });
    await edge.fetch(manifest.path, manifestRequest('GET'));
    for (const method of METHODS) {
      expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest(method)))).toBe(
        'registry-edge; hit; detail=memory',
      );
    }
    edge.clock.advance(30_000);
    expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('HEAD')))).toBe(
      'registry-edge; hit; detail=durable',
    );
    expect(await manifest.questions()).toHaveLength(1);
  });
});
