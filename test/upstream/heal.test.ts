import { describe, expect, inject, it } from 'vitest';
import { FAILING_STORES } from '../support/brokenStores.ts';
import { createClock } from '../support/context.ts';
import { uniqueDigest } from '../support/digests.ts';
import { cacheStatusOf, createEdge, stableHeaders } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import {
  ALL_BUT_REPORTED,
  ALL_PARTS,
  cachedImage,
  errorBody,
  headParts,
  NOT_IN_MANIFEST,
  ONLY_OTHER,
  probesAfterPut,
  push,
  someImage,
  stubImageExists,
  stubManifestRefusal,
} from '../support/healing.ts';
import { pushBlob, rig, sha256 } from '../support/push.ts';
import { manifestRequest, newManifest, OCI_MANIFEST, UNCHECKED } from '../support/pushManifest.ts';
import { ADDRESS, NO_REDIS, REDIS } from '../support/redisStore.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { SHARED_STORES, STORES } from '../support/stores.ts';
import { byPut, methodsAbout, newBlob, putOf } from '../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const MIB = 1_048_576;
const BLOB_UNKNOWN = errorBody('MANIFEST_BLOB_UNKNOWN');

describe.each(STORES)('a refused manifest, with the cache in $name', ({ variables }) => {
  it.each<[code: string, what: string, detail: (digest: string) => unknown]>([
    ['MANIFEST_BLOB_UNKNOWN', 'a digest', (digest) => digest],
    ['BLOB_UNKNOWN', 'an object', (Digest) => ({ Digest })],
    ['MANIFEST_UNKNOWN', 'a sentence', (digest) => ({ message: `unknown manifest=${digest}` })],
  ])(
    'evicts all that it and the refusal name, before the reply: code %s, the detail is %s',
    async (code, _what, detail) => {
      const { edge, image } = await cachedImage({ ...UNCHECKED, ...variables });
      expect(await headParts(edge, image)).toEqual(ALL_PARTS);
      const body = errorBody(code, detail(image.parts.reported));
      await stubManifestRefusal(image, { body });
      const { answer, over } = push(edge, image);
      const response = await answer;
      expect([response.status, await response.text()]).toEqual([400, body]);
      expect(await probesAfterPut(image)).toEqual([]);
      expect(await headParts(edge, image)).toEqual(ONLY_OTHER);
      await over;
    },
  );

  it('evicts all that it and the refusal name, if only one of several errors has a digest', async () => {
    const { edge, image } = await cachedImage({ ...UNCHECKED, ...variables });
    const errors = [null, { code: 'MANIFEST_INVALID' }, { code: 'BLOB_UNKNOWN', detail: image.parts.reported }];
    await stubManifestRefusal(image, { status: 404, body: JSON.stringify({ errors }) });
    await push(edge, image).over;
    expect(await headParts(edge, image)).toEqual(ONLY_OTHER);
  });

  it('evicts all that it names, if the refusal is 1 MiB long', async () => {
    const { edge, image } = await cachedImage({ ...UNCHECKED, ...variables });
    await stubManifestRefusal(image, { body: BLOB_UNKNOWN.padEnd(MIB) });
    await push(edge, image).over;
    expect(await headParts(edge, image)).toEqual(NOT_IN_MANIFEST);
  });

  it('evicts what an evicted manifest below it names', async () => {
    const image = await someImage();
    const { name, parts } = image;
    const { layer1, layer2 } = parts;
    const below = await newManifest({
      name,
      bytes: JSON.stringify({ mediaType: OCI_MANIFEST, layers: [{ digest: layer1 }, { digest: layer2 }] }),
    });
    const edge = createEdge({ ...UNCHECKED, ...variables });
    await earnGrant(edge, image);
    await rig.rule({
      prefix: below.path,
      method: 'PUT',
      status: 201,
      headers: { 'docker-content-digest': below.digest },
    });
    expect((await edge.fetch(below.path, putOf(below))).status).toBe(201);
    await stubImageExists(image);
    await headParts(edge, image);
    await stubManifestRefusal(image, { body: BLOB_UNKNOWN });
    const bytes = JSON.stringify({ manifests: [{ digest: below.digest }] });
    await push(edge, { ...image, bytes }).over;
    const blobs = (await headParts(edge, image)).filter((part) => part.startsWith('blobs'));
    expect(blobs).toEqual([
      'blobs config',
      'blobs child',
      'blobs subject',
      'blobs self',
      'blobs reported',
      'blobs other',
    ]);
  });

  it('evicts what each of twenty evicted manifests below it names, among many layers', async () => {
    const image = await someImage();
    const { name } = image;
    await stubImageExists(image);
    // Without memory, each manifest is read from the store, if there is one.
    const edge = createEdge({ ...UNCHECKED, ...variables, MEMORY_TTL: '0' });
    const digests = (count: number) => Array.from({ length: count }, () => uniqueDigest());
    const [layers, below] = [digests(25), digests(20)];
    const headBlob = (digest: string) => edge.fetch(`/v2/${name}/blobs/${digest}`, HEAD);
    await Promise.all([...layers, ...below].map(headBlob));
    const manifests = await Promise.all(
      below.map((digest) =>
        newManifest({ name, bytes: JSON.stringify({ mediaType: OCI_MANIFEST, layers: [{ digest }] }) }),
      ),
    );
    for (const { path, digest, bytes } of manifests) {
      const headers = { 'content-type': OCI_MANIFEST, 'docker-content-digest': digest };
      await rig.rule({ prefix: path, method: 'GET', status: 200, headers, body: bytes });
      await edge.fetch(path, manifestRequest('GET'));
    }
    for (const digest of below) expect(cacheStatusOf(await headBlob(digest))).toContain('registry-edge; hit');
    await stubManifestRefusal(image, { body: BLOB_UNKNOWN });
    const descriptors = [...layers, ...manifests.map(({ digest }) => digest)].map((digest) => ({ digest }));
    await push(edge, { ...image, bytes: JSON.stringify({ manifests: descriptors }) }).over;
    const left = await Promise.all(below.map(headBlob));
    expect(left.map(cacheStatusOf).filter((status) => status?.includes('; hit'))).toEqual([]);
  });

  it('evicts itself if it was pushed by digest, although it is too long to be copied', async () => {
    const { edge, image } = await cachedImage({ ...UNCHECKED, ...variables });
    await stubManifestRefusal(image, { body: BLOB_UNKNOWN });
    const path = image.path.replace('latest', image.parts.self);
    await push(edge, { ...image, path, bytes: image.bytes.padEnd(4 * MIB + 1) }).over;
    expect(await headParts(edge, image)).toEqual(ALL_PARTS.filter((part) => !part.endsWith(' self')));
  });

  it('evicts what the refusal names, although it is too long to be copied itself', async () => {
    const { edge, image } = await cachedImage({ ...UNCHECKED, ...variables });
    await stubManifestRefusal(image, { body: errorBody('BLOB_UNKNOWN', image.parts.reported) });
    await push(edge, { ...image, bytes: image.bytes.padEnd(4 * MIB + 1) }).over;
    expect(await headParts(edge, image)).toEqual(ALL_BUT_REPORTED);
  });

  it('evicts all of its layers, even if they exceed one batch', async () => {
    const { name } = await pushBlob();
    const layers = Array.from({ length: 120 }, () => uniqueDigest());
    const paths = [0, 60, 119].map((at) => `/v2/${name}/blobs/${layers[at]}`);
    for (const prefix of paths) await rig.rule({ prefix, status: 200, headers: { 'content-length': '7' } });
    const edge = createEdge({ ...UNCHECKED, ...variables });
    for (const path of paths) await edge.fetch(path, HEAD);
    await rig.rule({ prefix: `/v2/${name}/manifests/`, status: 400, body: BLOB_UNKNOWN });
    const bytes = JSON.stringify({ layers: layers.map((digest) => ({ digest })) });
    await edge.fetch(`/v2/${name}/manifests/latest`, putOf({ bytes, mediaType: OCI_MANIFEST }));
    for (const path of paths) expect(cacheStatusOf(await edge.fetch(path, HEAD))).toContain('fwd=miss');
  });

  it('succeeds at the second attempt, if the origin lost a layer unnoticed', async () => {
    const layer = await newBlob();
    const edge = createEdge({ ...UNCHECKED, ...variables });
    await earnGrant(edge, layer);
    await (await byPut(edge, layer)).over;
    await fetch(inject('originUrl') + layer.path, { method: 'DELETE' });
    const asked = (await methodsAbout(layer)).length;
    const manifest = putOf({ bytes: JSON.stringify({ layers: [layer] }), mediaType: OCI_MANIFEST });
    const attempt = async () => {
      const { status } = await edge.fetch(layer.path, HEAD);
      if (status === 404) await (await byPut(edge, layer)).over;
      return [status, (await edge.fetch(`/v2/${layer.name}/manifests/latest`, manifest)).status];
    };
    expect(await attempt()).toEqual([200, 400]);
    expect(await attempt()).toEqual([404, 201]);
    edge.clock.advance(6_000);
    expect(await attempt()).toEqual([200, 201]);
    expect((await methodsAbout(layer)).slice(asked)).toEqual(['HEAD', 'HEAD']);
  });
});

describe('a refusal of a manifest', () => {
  it.each([400, 404, 422, 413])('is relayed unchanged: %i', async (status) => {
    const image = await someImage();
    const edge = createEdge(UNCHECKED);
    await earnGrant(edge, image);
    const body = `{ "errors":[ {"code" :"BLOB_UNKNOWN","detail":{"Digest":"${image.parts.reported}","é":"\\u00e9"}} ] }\n`;
    const headers = { 'content-type': 'application/json; charset=utf-8', warning: '299 - "a"', 'x-request-id': 'b' };
    await stubManifestRefusal(image, { status, body, headers });
    const response = await push(edge, image).answer;
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(stableHeaders(response)).toMatchObject(headers);
  });

  it('is replaced by an error of the edge if its body breaks off', async () => {
    const image = await someImage();
    const edge = createEdge(UNCHECKED);
    const headers = { 'content-length': '1000', connection: 'close' };
    await stubManifestRefusal(image, { body: errorBody('BLOB_UNKNOWN'), headers });
    const response = await push(edge, image).answer;
    expect([response.status, await response.json()]).toMatchObject([400, { errors: [{ code: 'MANIFEST_INVALID' }] }]);
  });

  it.each(FAILING_STORES)('is relayed even if the store fails: %s', async (_store, variables, options) => {
    const image = await someImage();
    const edge = createEdge({ ...UNCHECKED, ...variables }, options);
    await earnGrant(edge, image);
    const body = errorBody('MANIFEST_BLOB_UNKNOWN', image.parts.reported);
    await stubManifestRefusal(image, { body });
    const { answer, over } = push(edge, image);
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([400, body]);
    await over;
    expect(edge.log.filter((line) => line.includes('"evict failed"'))).toHaveLength(1);
  });
});

describe.each(SHARED_STORES)('two isolates that share a store: $name', ({ variables }) => {
  it('see an eviction through one of them at once', async () => {
    const image = await someImage();
    await stubImageExists(image);
    const clock = createClock(Date.now());
    const [one, two] = [
      createEdge({ ...UNCHECKED, ...variables }, { clock }),
      createEdge({ ...UNCHECKED, ...variables }, { clock }),
    ];
    for (const edge of [one, two]) await headParts(edge, image);
    expect(await headParts(two, image)).toEqual(ALL_PARTS);
    await stubManifestRefusal(image, { body: errorBody('MANIFEST_BLOB_UNKNOWN', await sha256('')) });
    await push(one, image).answer;
    expect(await headParts(two, image)).toEqual(NOT_IN_MANIFEST);
  });
});

describe.skipIf(NO_REDIS)('a slow Redis', () => {
  it('has evicted the parts before the refusal reaches the client', async () => {
    const image = await someImage();
    await stubImageExists(image);
    const { url } = createScriptedServer({ forward: ADDRESS.url, waitMs: 250 });
    const clock = createClock(Date.now());
    const slow = createEdge({ ...UNCHECKED, ...REDIS, UPSTASH_REDIS_REST_URL: url }, { clock });
    const fast = createEdge({ ...UNCHECKED, ...REDIS }, { clock });
    await earnGrant(slow, image);
    await headParts(fast, image);
    await stubManifestRefusal(image, { body: BLOB_UNKNOWN });
    const { answer, over } = push(slow, image);
    expect((await answer).status).toBe(400);
    expect(await headParts(fast, image)).toEqual(NOT_IN_MANIFEST);
    await over;
  });
});
