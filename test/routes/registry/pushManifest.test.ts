import { describe, expect, inject, it } from 'vitest';
import { DOWN, type Store, slowStores } from '../../support/brokenStores.ts';
import { cacheStatusOf, createEdge, type Edge, lastingHeaders } from '../../support/edge.ts';
import { grant } from '../../support/grant.ts';
import { digestOf, rig, sha256 } from '../../support/push.ts';
import {
  asking,
  DOCKER_MANIFEST,
  manifestOfType,
  newManifest,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  someManifest,
} from '../../support/pushManifest.ts';
import type { Rule } from '../../support/rig.ts';
import { STORES } from '../../support/stores.ts';
import { putOf, writesOf } from '../../support/uploading.ts';

const MIB = 1_048_576;
const METHODS = ['HEAD', 'GET'] as const;
const DIGEST = 'docker-content-digest';
const WAYS: [string, (manifest: PushedManifest) => string][] = [
  ['tag', ({ tagPath }) => tagPath],
  ['digest', ({ path }) => path],
];

/** What the origin answers to the PUT. */
const answered = ({ name }: PushedManifest, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${name}/manifests/`, method: 'PUT', status: 201, ...rule });

/** A HEAD and a GET find it, and where. */
async function expectKnown(edge: Edge, { path, mediaType, bytes, digest }: PushedManifest, store: string) {
  for (const method of METHODS) {
    const response = await edge.fetch(path, asking(method, mediaType));
    expect([response.status, cacheStatusOf(response)]).toEqual([200, `registry-edge; hit; detail=${store}`]);
    expect(lastingHeaders(response)).toMatchObject({ 'content-type': mediaType, [DIGEST]: digest });
    expect(await response.text()).toBe(method === 'GET' ? bytes : '');
    const size = method === 'HEAD' ? String(bytes.length) : null;
    expect(response.headers.get('content-length')).toBe(size);
  }
}

describe.each(STORES)('a manifest that was pushed, cache in $name', ({ name: store, variables }) => {
  /** An edge, with a caller who may be in the repository of the manifest. */
  async function edgeFor(manifest: PushedManifest): Promise<Edge> {
    const edge = createEdge(variables);
    await grant(edge, manifest);
    return edge;
  }

  it.each(WAYS)('is known before the reply, its content too: by %s', async (_way, pathOf) => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    const { answer, over } = edge.send(pathOf(manifest), putOf(manifest));
    expect((await answer).status).toBe(201);
    expect(writesOf(edge)).toEqual(['begun', 'done']);
    await expectKnown(edge, manifest, store);
    await over;
    expect(await manifest.questions()).toEqual([`PUT ${pathOf(manifest).split('/').at(-1)}`]);
  });

  it.each(['sha512', 'sha256'] as const)('by its SHA-512, where the origin names its %s', async (named) => {
    const manifest = await newManifest({ algorithm: 'sha512' });
    const edge = await edgeFor(manifest);
    const canonical = await digestOf(manifest.bytes, named);
    await answered(manifest, { headers: { [DIGEST]: canonical } });
    await edge.fetch(manifest.path, putOf(manifest));
    await expectKnown(edge, { ...manifest, digest: canonical }, store);
    const path = manifest.path.replace(manifest.digest, canonical);
    expect(cacheStatusOf(await edge.fetch(path, asking('HEAD')))).toBe(`registry-edge; hit; detail=${store}`);
    expect(await manifest.questions()).toEqual([`PUT ${manifest.digest}`]);
  });

  it.each([
    OCI_MANIFEST,
    OCI_INDEX,
    DOCKER_MANIFEST,
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.artifact.manifest.v1+json',
  ])('is known by the type that it states: %s', async (mediaType) => {
    const manifest = await newManifest({ mediaType, bytes: manifestOfType(mediaType) });
    const edge = await edgeFor(manifest);
    await edge.fetch(manifest.tagPath, putOf(manifest));
    await expectKnown(edge, manifest, store);
    expect(await manifest.questions()).toEqual(['PUT latest']);
  });

  it('is known by the type that its fields make it, if it was pushed as that', async () => {
    const fields: [string, unknown][] = [
      [OCI_MANIFEST, { config: {} }],
      [OCI_INDEX, { manifests: [] }],
    ];
    for (const [mediaType, shown] of fields) {
      const bytes = JSON.stringify({ ...(shown as object), annotations: { id: crypto.randomUUID() } });
      const manifest = await newManifest({ mediaType, bytes });
      const edge = await edgeFor(manifest);
      await answered(manifest, { headers: { [DIGEST]: manifest.digest } });
      await edge.fetch(manifest.tagPath, putOf(manifest));
      await expectKnown(edge, manifest, store);
    }
  });

  it.each(['?tag=a', '?tag=a&tag=b'])('is known whatever further tags it gets: %s', async (query) => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    await edge.fetch(manifest.path + query, putOf(manifest));
    await expectKnown(edge, manifest, store);
  });

  it('is known by the digest that the origin names for one of an algorithm that the edge does not know', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    const foreign = `blake3:${'0'.repeat(64)}`;
    await answered(manifest, { headers: { [DIGEST]: manifest.digest } });
    await edge.fetch(manifest.path.replace(manifest.digest, foreign), putOf(manifest));
    await expectKnown(edge, manifest, store);
    expect(await manifest.questions()).toEqual([`PUT ${foreign}`]);
  });

  it('is not known where its length is not told: what broke off would look like all of it', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    const { body, method, headers } = putOf(manifest);
    await edge.fetch(manifest.path, { method, body, headers: { 'content-type': headers['content-type'] ?? '' } });
    expect((await edge.fetch(manifest.path, asking('HEAD', manifest.mediaType))).status).toBe(200);
    expect(await manifest.questions()).toEqual([`PUT ${manifest.digest}`, `HEAD ${manifest.digest}`]);
  });

  it('is asked for by callers who do not name its type', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    await edge.fetch(manifest.path, putOf(manifest));
    expect(cacheStatusOf(await edge.fetch(manifest.path, asking('HEAD', '*/*')))).toContain('fwd=vary-miss');
  });

  it('earns no grant: who may push need not be one who may pull', async () => {
    const manifest = await newManifest();
    const edge = createEdge(variables);
    await edge.fetch(manifest.path, putOf(manifest));
    await rig.rule({ prefix: manifest.path, method: 'GET', status: 401, times: 1 });
    const refused = await edge.fetch(manifest.path, asking('GET'));
    expect([refused.status, cacheStatusOf(refused)]).toEqual([401, null]);
    await grant(edge, manifest);
    await expectKnown(edge, manifest, store);
  });

  it('is not brought back where it was deleted while the push was under way', async () => {
    const manifest = await newManifest();
    const edge = await edgeFor(manifest);
    await answered(manifest, { headers: { [DIGEST]: manifest.digest }, holdAs: manifest.digest });
    const { answer, over } = edge.send(manifest.path, putOf(manifest));
    await expect.poll(() => manifest.questions()).toHaveLength(1);
    edge.clock.advance(1_000);
    await rig.rule({ prefix: manifest.path, method: 'DELETE', status: 202 });
    expect((await edge.fetch(manifest.path, { method: 'DELETE' })).status).toBe(202);
    edge.clock.advance(10_000);
    await rig.release(manifest.digest);
    expect((await answer).status).toBe(201);
    await over;
    for (const method of METHODS) expect((await edge.fetch(manifest.path, asking(method))).status).toBe(404);
  });

  it('of 4 MiB is known; of more it arrives whole, and is not', async () => {
    const bytesOf = (length: number) => someManifest().replace('"padding":""', `"padding":"${'x'.repeat(length)}"`);
    const most = 4 * MIB - bytesOf(0).length;
    for (const [bytes, isKnown] of [
      [bytesOf(most), true],
      [bytesOf(most + 1), false],
    ] as const) {
      const manifest = await newManifest({ bytes });
      const edge = await edgeFor(manifest);
      expect((await edge.fetch(manifest.path, putOf(manifest))).status).toBe(201);
      expect(writesOf(edge).length > 0).toBe(isKnown);
      const head = cacheStatusOf(await edge.fetch(manifest.path, asking('HEAD')));
      expect(head).toContain(isKnown ? 'hit' : 'fwd=miss');
      expect((await (await fetch(inject('originUrl') + manifest.path)).text()) === bytes).toBe(true);
    }
  });

  /** Pushes it and finds that nothing was learnt. */
  async function expectNothingLearnt(manifest: PushedManifest, path: string, init: RequestInit) {
    const edge = createEdge(variables);
    const { answer, over } = edge.send(path, init);
    const { status } = await answer;
    await over;
    expect(writesOf(edge)).toEqual([]);
    await grant(edge, manifest);
    for (const method of METHODS) {
      const response = await edge.fetch(manifest.path, asking(method, `${manifest.mediaType}, ${OCI_MANIFEST}`));
      expect(cacheStatusOf(response)).toContain('fwd=miss');
    }
    return status;
  }

  it.each<[string, string | undefined, string]>([
    ['that is none of a manifest', 'application/json', someManifest()],
    ['of an index where nothing in it says so (distribution takes it for an image)', OCI_INDEX, manifestOfType()],
    ['of old', 'application/vnd.docker.distribution.manifest.v1+prettyjws', manifestOfType()],
    ['with parameters', `${OCI_MANIFEST}; charset=utf-8`, someManifest()],
    ['in other letters', OCI_MANIFEST.toUpperCase(), someManifest()],
    ['that is missing', undefined, someManifest()],
    ['that the manifest contradicts', OCI_MANIFEST, manifestOfType(DOCKER_MANIFEST)],
    ['where the manifest has one that is no text', OCI_MANIFEST, manifestOfType(1)],
    ['where the manifest is no JSON', OCI_MANIFEST, `{${crypto.randomUUID()}`],
    ['where the manifest is null', OCI_MANIFEST, 'null'],
  ])('is not learnt with a Content-Type %s', async (_what, type, bytes) => {
    const manifest = await newManifest({ bytes });
    await answered(manifest, { headers: { [DIGEST]: manifest.digest } });
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const init = { method: 'PUT', body: new TextEncoder().encode(bytes), headers };
    for (const path of [manifest.path, manifest.tagPath]) {
      expect(await expectNothingLearnt(manifest, path, init)).toBe(201);
    }
  });

  it.each<[string, (manifest: PushedManifest) => Promise<[path: string, answer: Partial<Rule>]>]>([
    ['names another digest', async ({ path }) => [path, { headers: { [DIGEST]: await sha256('other') } }]],
    [
      'names another digest for a tag',
      async ({ tagPath }) => [tagPath, { headers: { [DIGEST]: await sha256('other') } }],
    ],
    ['names none for a tag', async ({ tagPath }) => [tagPath, { headers: {} }]],
    ['names one that is none for a tag', async ({ tagPath }) => [tagPath, { headers: { [DIGEST]: 'sha256:short' } }]],
    ['does not answer with 201', async ({ path, digest }) => [path, { status: 202, headers: { [DIGEST]: digest } }]],
    ['refuses it', async ({ path, digest }) => [path, { status: 400, headers: { [DIGEST]: digest } }]],
    ['is a cache', async ({ path, digest }) => [path, { headers: { [DIGEST]: digest, age: '1' } }]],
    [
      'is asked with a query',
      async ({ path, digest }) => [`${path}?tag=a&ns=a.test`, { headers: { [DIGEST]: digest } }],
    ],
  ])('is not learnt where the origin %s', async (_what, sendingOf) => {
    const manifest = await newManifest();
    const [path, rule] = await sendingOf(manifest);
    await answered(manifest, rule);
    expect(await expectNothingLearnt(manifest, path, putOf(manifest))).toBe(rule.status ?? 201);
  });

  it('is not learnt from a caller who shows another identity', async () => {
    const manifest = await newManifest();
    expect(await expectNothingLearnt(manifest, manifest.path, putOf(manifest, { cookie: 'a=b' }))).toBe(201);
  });
});

const CACHES: Store[] = [
  ...STORES.map(({ name, variables }): Store => [`in ${name}`, variables, {}]),
  ...DOWN.map(([store, ...how]): Store => [`${store} failing`, ...how]),
  ...slowStores().map(([store, ...how]): Store => [`${store} slow`, ...how]),
];

describe.each(CACHES)('the answer to a push, cache %s', (_store, variables, options) => {
  it.each(WAYS)('is the origin’s, with its addresses on the edge: by %s', async (_way, pathOf) => {
    const manifest = await newManifest();
    const edge = createEdge(variables, options);
    const headers = { 'oci-subject': 'sha256:x', 'oci-tag': 'a,b', warning: '299 - "old"', [DIGEST]: manifest.digest };
    await answered(manifest, { headers: { ...headers, location: manifest.path }, body: 'taken' });
    const { answer, over } = edge.send(pathOf(manifest), putOf(manifest));
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([201, 'taken']);
    expect(lastingHeaders(response)).toMatchObject({ ...headers, location: manifest.path });
    await over;
  });
});
