import { describe, expect, inject, it } from 'vitest';
import { type EdgeRow, FAILING_STORES, slowStores } from '../../support/brokenStores.ts';
import { cacheStatusOf, createEdge, type Edge, stableHeaders } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { digestOf, rig, sha256 } from '../../support/push.ts';
import {
  DOCKER_MANIFEST,
  manifestOfType,
  manifestRequest,
  newManifest,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  UNCHECKED,
  uniqueManifest,
} from '../../support/pushManifest.ts';
import type { Rule } from '../../support/rig.ts';
import { STORES } from '../../support/stores.ts';
import { putOf, writeBacksOf } from '../../support/uploading.ts';

const MIB = 1_048_576;
const METHODS = ['HEAD', 'GET'] as const;
const DIGEST = 'docker-content-digest';
const WAYS: [string, (manifest: PushedManifest) => string][] = [
  ['tag', ({ tagPath }) => tagPath],
  ['digest', ({ path }) => path],
];

/** Makes the origin answer the PUT like this. */
const answerPut = ({ name }: PushedManifest, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${name}/manifests/`, method: 'PUT', status: 201, ...rule });

/** Expects a HEAD and a GET to be answered by this store. */
async function expectStored(edge: Edge, { path, mediaType, bytes, digest }: PushedManifest, store: string) {
  for (const method of METHODS) {
    const response = await edge.fetch(path, manifestRequest(method, mediaType));
    expect([response.status, cacheStatusOf(response)]).toEqual([200, `registry-edge; hit; detail=${store}`]);
    expect(stableHeaders(response)).toMatchObject({ 'content-type': mediaType, [DIGEST]: digest });
    expect(await response.text()).toBe(method === 'GET' ? bytes : '');
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
  }
}

describe.each(STORES)('a pushed manifest, cache in $name', ({ name: store, variables }) => {
  /** Creates an edge whose caller has a grant in the manifest's repository. */
  async function edgeFor(manifest: PushedManifest, more: Record<string, string> = {}): Promise<Edge> {
    const edge = createEdge({ ...variables, ...more });
    await earnGrant(edge, manifest);
    return edge;
  }

  it.each(WAYS)('is stored with its content before the reply: pushed by %s', async (_way, pathOf) => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    const { answer, over } = edge.send(pathOf(manifest), putOf(manifest));
    expect((await answer).status).toBe(201);
    expect(writeBacksOf(edge)).toEqual(['begun', 'done']);
    await expectStored(edge, manifest, store);
    await over;
    expect(await manifest.questions()).toEqual([`PUT ${pathOf(manifest).split('/').at(-1)}`]);
  });

  it.each(['sha512', 'sha256'] as const)(
    'pushed by its SHA-512 is stored under the %s that the origin names',
    async (algorithm) => {
      const manifest = await newManifest({ algorithm: 'sha512' });
      const edge = await edgeFor(manifest);
      const canonical = await digestOf(manifest.bytes, algorithm);
      await answerPut(manifest, { headers: { [DIGEST]: canonical } });
      await edge.fetch(manifest.path, putOf(manifest));
      await expectStored(edge, { ...manifest, digest: canonical }, store);
      const path = manifest.path.replace(manifest.digest, canonical);
      expect(cacheStatusOf(await edge.fetch(path, manifestRequest('HEAD')))).toBe(
        `registry-edge; hit; detail=${store}`,
      );
      expect(await manifest.questions()).toEqual([`PUT ${manifest.digest}`]);
    },
  );

  it.each([
    OCI_MANIFEST,
    OCI_INDEX,
    DOCKER_MANIFEST,
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.artifact.manifest.v1+json',
  ])('is stored with the media type that it states: %s', async (mediaType) => {
    const manifest = await newManifest({ mediaType, bytes: manifestOfType(mediaType) });
    const edge = await edgeFor(manifest);
    await edge.fetch(manifest.tagPath, putOf(manifest));
    await expectStored(edge, manifest, store);
    expect(await manifest.questions()).toEqual(['PUT latest']);
  });

  it('is stored with the media type that follows from its fields, if it was pushed with that type', async () => {
    const fields: [string, unknown][] = [
      [OCI_MANIFEST, { config: {} }],
      [OCI_INDEX, { manifests: [] }],
    ];
    for (const [mediaType, typeFields] of fields) {
      const bytes = JSON.stringify({ ...(typeFields as object), annotations: { id: crypto.randomUUID() } });
      const manifest = await newManifest({ mediaType, bytes });
      const edge = await edgeFor(manifest);
      await answerPut(manifest, { headers: { [DIGEST]: manifest.digest } });
      await edge.fetch(manifest.tagPath, putOf(manifest));
      await expectStored(edge, manifest, store);
    }
  });

  it.each(['?tag=a', '?tag=a&tag=b'])('is stored if the query adds tags: %s', async (query) => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    await edge.fetch(manifest.path + query, putOf(manifest));
    await expectStored(edge, manifest, store);
  });

  it('pushed by a foreign digest is stored under the digest that the origin names', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    const foreign = `blake3:${'0'.repeat(64)}`;
    await answerPut(manifest, { headers: { [DIGEST]: manifest.digest } });
    await edge.fetch(manifest.path.replace(manifest.digest, foreign), putOf(manifest));
    await expectStored(edge, manifest, store);
    expect(await manifest.questions()).toEqual([`PUT ${foreign}`]);
  });

  it('passes as a stream, and is not stored if its request has no Content-Length, since it may have broken off', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest, UNCHECKED);
    const { body, method, headers } = putOf(manifest);
    await edge.fetch(manifest.path, { method, body, headers: { 'content-type': headers['content-type'] ?? '' } });
    expect((await edge.fetch(manifest.path, manifestRequest('HEAD', manifest.mediaType))).status).toBe(200);
    expect(await manifest.questions()).toEqual([`PUT ${manifest.digest}`, `HEAD ${manifest.digest}`]);
  });

  it('is not served from the cache to callers whose Accept does not name its media type', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    await edge.fetch(manifest.path, putOf(manifest));
    expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('HEAD', '*/*')))).toContain('fwd=vary-miss');
  });

  it('earns no grant, since a caller who may push may be refused a pull', async () => {
    const manifest = await newManifest();
    const edge = createEdge(variables);
    await edge.fetch(manifest.path, putOf(manifest));
    await rig.rule({ prefix: manifest.path, method: 'GET', status: 401, times: 1 });
    const refused = await edge.fetch(manifest.path, manifestRequest('GET'));
    expect([refused.status, cacheStatusOf(refused)]).toEqual([401, null]);
    await earnGrant(edge, manifest);
    await expectStored(edge, manifest, store);
  });

  it('is not revived if it was deleted while the push was in progress', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    await answerPut(manifest, { headers: { [DIGEST]: manifest.digest }, holdAs: manifest.digest });
    const { answer, over } = edge.send(manifest.path, putOf(manifest));
    await expect.poll(() => manifest.questions()).toHaveLength(1);
    edge.clock.advance(1_000);
    await rig.rule({ prefix: manifest.path, method: 'DELETE', status: 202 });
    expect((await edge.fetch(manifest.path, { method: 'DELETE' })).status).toBe(202);
    edge.clock.advance(10_000);
    await rig.release(manifest.digest);
    expect((await answer).status).toBe(201);
    await over;
    for (const method of METHODS) expect((await edge.fetch(manifest.path, manifestRequest(method))).status).toBe(404);
  });

  it('that is not checked is stored up to 4 MiB; a larger one arrives completely and is not stored', async () => {
    const bytesOf = (length: number) => uniqueManifest().replace('"padding":""', `"padding":"${'x'.repeat(length)}"`);
    const maxPadding = 4 * MIB - bytesOf(0).length;
    for (const [bytes, isStored] of [
      [bytesOf(maxPadding), true],
      [bytesOf(maxPadding + 1), false],
    ] as const) {
      const manifest = await newManifest({ bytes });
      const edge = await edgeFor(manifest, UNCHECKED);
      expect((await edge.fetch(manifest.path, putOf(manifest))).status).toBe(201);
      expect(writeBacksOf(edge).length > 0).toBe(isStored);
      const head = cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('HEAD')));
      expect(head).toContain(isStored ? 'hit' : 'fwd=miss');
      expect((await (await fetch(inject('originUrl') + manifest.path)).text()) === bytes).toBe(true);
    }
  });

  /** Pushes the manifest, and expects nothing to be stored. @returns the status of the push */
  async function expectNothingStored(manifest: PushedManifest, path: string, init: RequestInit) {
    const edge = createEdge(variables);
    const { answer, over } = edge.send(path, init);
    const { status } = await answer;
    await over;
    expect(writeBacksOf(edge)).toEqual([]);
    await earnGrant(edge, manifest);
    for (const method of METHODS) {
      const response = await edge.fetch(
        manifest.path,
        manifestRequest(method, `${manifest.mediaType}, ${OCI_MANIFEST}`),
      );
      expect(cacheStatusOf(response)).toContain('fwd=miss');
    }
    return status;
  }

  it.each<[string, string | undefined, string]>([
    ['that is no manifest type', 'application/json', uniqueManifest()],
    ['of an index for content that does not state it (distribution reads it as an image)', OCI_INDEX, manifestOfType()],
    ['of schema 1', 'application/vnd.docker.distribution.manifest.v1+prettyjws', manifestOfType()],
    ['with parameters', `${OCI_MANIFEST}; charset=utf-8`, uniqueManifest()],
    ['in capitals', OCI_MANIFEST.toUpperCase(), uniqueManifest()],
    ['that is missing', undefined, uniqueManifest()],
    ['that the manifest contradicts', OCI_MANIFEST, manifestOfType(DOCKER_MANIFEST)],
    ['for a manifest whose own type is not a string', OCI_MANIFEST, manifestOfType(1)],
    ['for content that is not JSON', OCI_MANIFEST, `{${crypto.randomUUID()}`],
    ['for content that is null', OCI_MANIFEST, 'null'],
  ])('is not stored with a Content-Type %s', async (_what, type, bytes) => {
    const manifest = await newManifest({ bytes });
    await answerPut(manifest, { headers: { [DIGEST]: manifest.digest } });
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const init = { method: 'PUT', body: new TextEncoder().encode(bytes), headers };
    for (const path of [manifest.path, manifest.tagPath]) {
      expect(await expectNothingStored(manifest, path, init)).toBe(201);
    }
  });

  it.each<[string, (manifest: PushedManifest) => Promise<[path: string, answer: Partial<Rule>]>]>([
    ['names another digest', async ({ path }) => [path, { headers: { [DIGEST]: await sha256('other') } }]],
    [
      'names another digest for a tag',
      async ({ tagPath }) => [tagPath, { headers: { [DIGEST]: await sha256('other') } }],
    ],
    ['names no digest for a tag', async ({ tagPath }) => [tagPath, { headers: {} }]],
    ['names an invalid digest for a tag', async ({ tagPath }) => [tagPath, { headers: { [DIGEST]: 'sha256:short' } }]],
    ['does not answer with 201', async ({ path, digest }) => [path, { status: 202, headers: { [DIGEST]: digest } }]],
    ['refuses it', async ({ path, digest }) => [path, { status: 400, headers: { [DIGEST]: digest } }]],
    ['answers through a cache', async ({ path, digest }) => [path, { headers: { [DIGEST]: digest, age: '1' } }]],
    [
      'gets a query that the edge does not know',
      async ({ path, digest }) => [`${path}?tag=a&ns=a.test`, { headers: { [DIGEST]: digest } }],
    ],
  ])('is not stored where the origin %s', async (_what, pushOf) => {
    const manifest = await newManifest();
    const [path, rule] = await pushOf(manifest);
    await answerPut(manifest, rule);
    expect(await expectNothingStored(manifest, path, putOf(manifest))).toBe(rule.status ?? 201);
  });

  it('is not stored for a caller with another identity', async () => {
    const manifest = await newManifest();
    expect(await expectNothingStored(manifest, manifest.path, putOf(manifest, { cookie: 'a=b' }))).toBe(201);
  });
});

const CACHES: EdgeRow[] = [
  ...STORES.map(({ name, variables }): EdgeRow => [`in ${name}`, variables, {}]),
  ...FAILING_STORES.map(([store, ...how]): EdgeRow => [`${store} failing`, ...how]),
  ...slowStores().map(([store, ...how]): EdgeRow => [`${store} slow`, ...how]),
];

describe.each(CACHES)('the answer to a push, cache %s', (_store, variables, options) => {
  it.each(WAYS)('is the origin’s, with its addresses rewritten to the edge: by %s', async (_way, pathOf) => {
    const manifest = await newManifest();
    const edge = createEdge(variables, options);
    const headers = { 'oci-subject': 'sha256:x', 'oci-tag': 'a,b', warning: '299 - "old"', [DIGEST]: manifest.digest };
    await answerPut(manifest, { headers: { ...headers, location: manifest.path }, body: 'accepted' });
    const { answer, over } = edge.send(pathOf(manifest), putOf(manifest));
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([201, 'accepted']);
    expect(stableHeaders(response)).toMatchObject({ ...headers, location: manifest.path });
    await over;
  });
});
