import { describe, expect, inject, it } from 'vitest';
import { DOWN } from '../support/brokenStores.ts';
import { createClock } from '../support/context.ts';
import { someDigest } from '../support/digests.ts';
import { cacheStatusOf, createEdge, lastingHeaders } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import {
  ALL,
  errorOf,
  isThere,
  knownOf,
  ONLY_OTHER,
  probesOf,
  push,
  refuses,
  someImage,
  UNNAMED,
  UNTOLD,
} from '../support/healing.ts';
import { pushBlob, rig, sha256 } from '../support/push.ts';
import { asking, newManifest, OCI_MANIFEST, REDIS, STORES } from '../support/pushManifest.ts';
import { ADDRESS, NO_REDIS } from '../support/redisStore.ts';
import { scripted } from '../support/scripted.ts';
import { byPut, methodsAbout, newBlob, putOf } from '../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const MIB = 1_048_576;
const LACKING = errorOf('MANIFEST_BLOB_UNKNOWN');

describe.each(STORES)('a manifest that the origin refuses, cache in %s', (_store, variables) => {
  it.each<[code: string, what: string, detail: (digest: string) => unknown]>([
    ['MANIFEST_BLOB_UNKNOWN', 'a digest', (digest) => digest],
    ['BLOB_UNKNOWN', 'an object', (Digest) => ({ Digest })],
    ['MANIFEST_UNKNOWN', 'a sentence', (digest) => ({ message: `unknown manifest=${digest}` })],
  ])(
    'for %s: all that it and the detail name is forgotten before the reply; detail: %s',
    async (code, _what, detail) => {
      const image = await someImage();
      await isThere(image);
      const edge = createEdge(variables);
      await knownOf(edge, image);
      expect(await knownOf(edge, image)).toEqual(ALL);
      const body = errorOf(code, detail(image.parts.told));
      await refuses(image, { body });
      const { answer, over } = push(edge, image);
      const response = await answer;
      expect([response.status, await response.text()]).toEqual([400, body]);
      expect(await probesOf(image)).toEqual([]);
      expect(await knownOf(edge, image)).toEqual(ONLY_OTHER);
      await over;
    },
  );

  it('for one of several reasons: it is forgotten', async () => {
    const image = await someImage();
    await isThere(image);
    const edge = createEdge(variables);
    await knownOf(edge, image);
    const errors = [null, { code: 'MANIFEST_INVALID' }, { code: 'BLOB_UNKNOWN', detail: image.parts.told }];
    await refuses(image, { status: 404, body: JSON.stringify({ errors }) });
    await push(edge, image).over;
    expect(await knownOf(edge, image)).toEqual(ONLY_OTHER);
  });

  it('in as much as 1 MiB: it is forgotten', async () => {
    const image = await someImage();
    await isThere(image);
    const edge = createEdge(variables);
    await knownOf(edge, image);
    await refuses(image, { body: LACKING.padEnd(MIB) });
    await push(edge, image).over;
    expect(await knownOf(edge, image)).toEqual(UNNAMED);
  });

  it('since a manifest below it was forgotten: what that one names is, too', async () => {
    const image = await someImage();
    const { name, parts } = image;
    const { layer1, layer2 } = parts;
    const below = await newManifest({
      name,
      bytes: JSON.stringify({ mediaType: OCI_MANIFEST, layers: [{ digest: layer1 }, { digest: layer2 }] }),
    });
    const edge = createEdge(variables);
    await grant(edge, image);
    await rig.rule({
      prefix: below.path,
      method: 'PUT',
      status: 201,
      headers: { 'docker-content-digest': below.digest },
    });
    expect((await edge.fetch(below.path, putOf(below))).status).toBe(201);
    await isThere(image);
    await knownOf(edge, image);
    await refuses(image, { body: LACKING });
    const bytes = JSON.stringify({ manifests: [{ digest: below.digest }] });
    await push(edge, { ...image, bytes }).over;
    const known = (await knownOf(edge, image)).filter((part) => part.startsWith('blobs'));
    expect(known).toEqual(['blobs config', 'blobs child', 'blobs subject', 'blobs own', 'blobs told', 'blobs other']);
  });

  it('since twenty manifests below it were forgotten, among many layers: what each of them names is, too', async () => {
    const image = await someImage();
    const { name } = image;
    await isThere(image);
    // Each is read from the store, where there is one.
    const edge = createEdge({ ...variables, MEMORY_TTL: '0' });
    const digests = (count: number) => Array.from({ length: count }, () => someDigest());
    const [layers, below] = [digests(25), digests(20)];
    const know = (digest: string) => edge.fetch(`/v2/${name}/blobs/${digest}`, HEAD);
    await Promise.all([...layers, ...below].map(know));
    const manifests = await Promise.all(
      below.map((digest) =>
        newManifest({ name, bytes: JSON.stringify({ mediaType: OCI_MANIFEST, layers: [{ digest }] }) }),
      ),
    );
    for (const { path, digest, bytes } of manifests) {
      const headers = { 'content-type': OCI_MANIFEST, 'docker-content-digest': digest };
      await rig.rule({ prefix: path, method: 'GET', status: 200, headers, body: bytes });
      await edge.fetch(path, asking('GET'));
    }
    for (const digest of below) expect(cacheStatusOf(await know(digest))).toContain('registry-edge; hit');
    await refuses(image, { body: LACKING });
    const named = [...layers, ...manifests.map(({ digest }) => digest)].map((digest) => ({ digest }));
    await push(edge, { ...image, bytes: JSON.stringify({ manifests: named }) }).over;
    const left = await Promise.all(below.map(know));
    expect(left.map(cacheStatusOf).filter((status) => status?.includes('; hit'))).toEqual([]);
  });

  it('by its digest, and is longer than one may be: it is forgotten itself', async () => {
    const image = await someImage();
    await isThere(image);
    const edge = createEdge(variables);
    await knownOf(edge, image);
    await refuses(image, { body: LACKING });
    const path = image.path.replace('latest', image.parts.own);
    await push(edge, { ...image, path, bytes: image.bytes.padEnd(4 * MIB + 1) }).over;
    expect(await knownOf(edge, image)).toEqual(ALL.filter((part) => !part.endsWith(' own')));
  });

  it('that is longer than a manifest may be: what the refusal names is forgotten', async () => {
    const image = await someImage();
    await isThere(image);
    const edge = createEdge(variables);
    await knownOf(edge, image);
    await refuses(image, { body: errorOf('BLOB_UNKNOWN', image.parts.told) });
    await push(edge, { ...image, bytes: image.bytes.padEnd(4 * MIB + 1) }).over;
    expect(await knownOf(edge, image)).toEqual(UNTOLD);
  });

  it('with more layers than are looked for at once: all are forgotten', async () => {
    const { name } = await pushBlob();
    const layers = Array.from({ length: 120 }, () => someDigest());
    const paths = [0, 60, 119].map((at) => `/v2/${name}/blobs/${layers[at]}`);
    for (const prefix of paths) await rig.rule({ prefix, status: 200, headers: { 'content-length': '7' } });
    const edge = createEdge(variables);
    for (const path of paths) await edge.fetch(path, HEAD);
    await rig.rule({ prefix: `/v2/${name}/manifests/`, status: 400, body: LACKING });
    const bytes = JSON.stringify({ layers: layers.map((digest) => ({ digest })) });
    await edge.fetch(`/v2/${name}/manifests/latest`, putOf({ bytes, mediaType: OCI_MANIFEST }));
    for (const path of paths) expect(cacheStatusOf(await edge.fetch(path, HEAD))).toContain('fwd=miss');
  });

  it('since a layer was lost behind the edge’s back: the second attempt succeeds', async () => {
    const layer = await newBlob();
    const edge = createEdge(variables);
    await grant(edge, layer);
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

describe('a refusal', () => {
  it.each([400, 404, 422, 413])('reaches the client as it is: %i', async (status) => {
    const image = await someImage();
    const edge = createEdge();
    await grant(edge, image);
    const body = `{ "errors":[ {"code" :"BLOB_UNKNOWN","detail":{"Digest":"${image.parts.told}","é":"\\u00e9"}} ] }\n`;
    const headers = { 'content-type': 'application/json; charset=utf-8', warning: '299 - "a"', 'x-request-id': 'b' };
    await refuses(image, { status, body, headers });
    const response = await push(edge, image).answer;
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(lastingHeaders(response)).toMatchObject(headers);
  });

  it('that breaks off is told in words of the edge', async () => {
    const image = await someImage();
    const edge = createEdge();
    const headers = { 'content-length': '1000', connection: 'close' };
    await refuses(image, { body: errorOf('BLOB_UNKNOWN'), headers });
    const response = await push(edge, image).answer;
    expect([response.status, await response.json()]).toMatchObject([400, { errors: [{ code: 'MANIFEST_INVALID' }] }]);
  });

  it.each(DOWN)('reaches the client where %s fails', async (_store, variables, options) => {
    const image = await someImage();
    const edge = createEdge(variables, options);
    await grant(edge, image);
    const body = errorOf('MANIFEST_BLOB_UNKNOWN', image.parts.told);
    await refuses(image, { body });
    const { answer, over } = push(edge, image);
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([400, body]);
    await over;
    expect(edge.log.filter((line) => line.includes('"clear failed"'))).toHaveLength(1);
  });
});

describe.each(STORES.slice(1))('two isolates on one store: %s', (_store, variables) => {
  it('what one had to forget, the other asks the origin for at once', async () => {
    const image = await someImage();
    await isThere(image);
    const clock = createClock(Date.now());
    const [one, two] = [createEdge(variables, { clock }), createEdge(variables, { clock })];
    for (const edge of [one, two]) await knownOf(edge, image);
    expect(await knownOf(two, image)).toEqual(ALL);
    await refuses(image, { body: errorOf('MANIFEST_BLOB_UNKNOWN', await sha256('')) });
    await push(one, image).answer;
    expect(await knownOf(two, image)).toEqual(UNNAMED);
  });
});

describe.skipIf(NO_REDIS)('a Redis that is slow', () => {
  it('has forgotten before the refusal reaches the client', async () => {
    const image = await someImage();
    await isThere(image);
    const { url } = scripted({ forward: ADDRESS.url, waitMs: 250 });
    const clock = createClock(Date.now());
    const slow = createEdge({ ...REDIS, UPSTASH_REDIS_REST_URL: url }, { clock });
    const fast = createEdge(REDIS, { clock });
    await grant(slow, image);
    await knownOf(fast, image);
    await refuses(image, { body: LACKING });
    const { answer, over } = push(slow, image);
    expect((await answer).status).toBe(400);
    expect(await knownOf(fast, image)).toEqual(UNNAMED);
    await over;
  });
});
