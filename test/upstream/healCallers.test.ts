import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import {
  ALL_PARTS,
  errorBody,
  headParts,
  type Image,
  NOT_IN_MANIFEST,
  ONLY_OTHER,
  probesAfterPut,
  push,
  someImage,
  stubImageExists,
  stubManifestRefusal,
} from '../support/healing.ts';
import { createMeteredEdge } from '../support/metered.ts';
import { rig } from '../support/push.ts';
import { UNCHECKED } from '../support/pushManifest.ts';
import type { Rule } from '../support/rig.ts';
import { STORES } from '../support/stores.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const BOB = { authorization: 'Basic Ym9iOnNlY3JldA==' };

/** Sets the origin's answer to everybody but Alice. Tests call it first, so that no other rule hides it. */
const stubOthers = ({ name }: Image, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${name}/`, unlessAuthorization: ALICE.authorization, ...rule });

/** From now on the origin refuses the manifest and names the config. */
const stubRefusal = (image: Image) =>
  stubManifestRefusal(image, { body: errorBody('MANIFEST_BLOB_UNKNOWN', image.parts.config) });

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('a refused manifest evicts what it names, with the cache in $name', ({ name: store, like }) => {
  /** Makes an edge that has the whole image in its cache, where Alice has a grant. */
  async function edgeOfAlice(image: Image, variables: Record<string, string> = {}) {
    const edge = createMeteredEdge(store, { ...UNCHECKED, ...variables });
    await stubImageExists(image);
    await headParts(edge, image, ALICE);
    await stubRefusal(image);
    edge.spent();
    return edge;
  }

  it('for a caller with a grant, without asking the origin', async () => {
    const image = await someImage();
    const edge = await edgeOfAlice(image);
    await push(edge, image, ALICE).over;
    expect(await probesAfterPut(image)).toEqual([]);
    expect(await headParts(edge, image, ALICE)).toEqual(NOT_IN_MANIFEST);
  });

  it('for a caller whose grant has expired, once the origin says that a blob exists', async () => {
    const image = await someImage();
    const edge = await edgeOfAlice(image, { PUSH_EXISTENCE_TTL: '5m', MEMORY_TTL: '5m' });
    edge.clock.advance(61_000);
    await push(edge, image, ALICE).over;
    expect(await probesAfterPut(image)).toEqual(['HEAD blobs/layer1']);
    expect(await headParts(edge, image, ALICE)).toEqual(NOT_IN_MANIFEST);
  });

  it('for a caller who proves its access by the second blob', async () => {
    const image = await someImage();
    await stubOthers(image, { method: 'HEAD', status: 404, times: 1 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(await probesAfterPut(image)).toEqual(['HEAD blobs/layer1', 'HEAD blobs/layer2']);
    expect(await headParts(edge, image, ALICE)).toEqual(NOT_IN_MANIFEST);
  });

  it('for a caller who proves its access by the earlier manifest only, after three missing blobs', async () => {
    const image = await someImage();
    await rig.rule({
      prefix: `/v2/${image.name}/blobs/`,
      method: 'HEAD',
      unlessAuthorization: ALICE.authorization,
      status: 404,
    });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    const probes = ['HEAD blobs/layer1', 'HEAD blobs/layer2', 'HEAD blobs/child', 'HEAD manifests/latest'];
    expect(await probesAfterPut(image)).toEqual(probes);
    expect(await headParts(edge, image, ALICE)).toEqual(NOT_IN_MANIFEST);
  });

  it('but not for a caller to whom the origin refuses the manifest after three missing blobs', async () => {
    const image = await someImage();
    await stubOthers(image, { method: 'HEAD', status: 404, times: 3 });
    await stubOthers(image, { method: 'HEAD', status: 401 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    expect(await headParts(edge, image, ALICE)).toEqual(ALL_PARTS);
  });

  it('for a caller to whom all is missing, if the refusal reports a blob of the manifest as missing', async () => {
    const image = await someImage();
    await stubOthers(image, { method: 'HEAD', status: 404 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(await probesAfterPut(image)).toHaveLength(4);
    expect(await headParts(edge, image, ALICE)).toEqual(NOT_IN_MANIFEST);
  });

  it.each<[string, (image: Image) => string]>([
    ['has another code', ({ parts }) => errorBody('MANIFEST_INVALID', parts.config)],
    ['has a code of a 404', ({ parts }) => errorBody('BLOB_UNKNOWN', parts.config)],
    ['names a digest that is not in the manifest', ({ parts }) => errorBody('MANIFEST_BLOB_UNKNOWN', parts.other)],
    ['names no digest', () => errorBody('MANIFEST_BLOB_UNKNOWN')],
    ['echoes the manifest', ({ bytes }) => bytes],
  ])('but not for a stranger to whom all is missing, if the refusal %s', async (_what, bodyOf) => {
    const image = await someImage();
    await stubOthers(image, { method: 'PUT', status: 400, body: bodyOf(image) });
    await stubOthers(image, { method: 'HEAD', status: 404 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    expect(await headParts(edge, image, ALICE)).toEqual(ALL_PARTS);
  });

  it.each<[string, Partial<Rule>]>([
    ['401', { status: 401 }],
    ['403', { status: 403 }],
    ['429', { status: 429 }],
    ['500', { status: 500 }],
    ['a redirect', { status: 307, headers: { location: '/login' } }],
    ['a cached answer', { status: 200, headers: { age: '1' } }],
    ['a sign-in page', { status: 200, headers: { 'content-type': 'text/html' } }],
  ])('but not for a stranger, for whom no store is read or written; probes get: %s', async (_what, rule) => {
    const image = await someImage();
    for (const method of ['HEAD', 'GET']) await stubOthers(image, { method, ...rule });
    const edge = await edgeOfAlice(image);
    const { answer, over } = push(edge, image, BOB);
    expect((await answer).status).toBe(400);
    await over;
    // A refusal or a failure of the origin ends the probes.
    expect(await probesAfterPut(image)).toHaveLength((rule.status ?? 0) >= 400 ? 1 : 4);
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    expect(await headParts(edge, image, ALICE)).toEqual(ALL_PARTS);
  });

  it('but not for a caller about whom the origin does not answer in time', async () => {
    const image = await someImage();
    await stubOthers(image, { method: 'HEAD', delayMs: 1_200 });
    const edge = await edgeOfAlice(image, { ORIGIN_TIMEOUT: '600ms' });
    const { answer, over } = push(edge, image, BOB);
    expect((await answer).status).toBe(400);
    await over;
    expect(await probesAfterPut(image)).toEqual(['HEAD blobs/layer1']);
    expect(await headParts(edge, image, ALICE)).toEqual(ALL_PARTS);
  });

  it('but not after ORIGIN_TIMEOUT, which all probes share', async () => {
    const image = await someImage();
    await stubOthers(image, { method: 'HEAD', status: 404, delayMs: 700 });
    const edge = await edgeOfAlice(image, { ORIGIN_TIMEOUT: '1s' });
    const since = performance.now();
    const { answer, over } = push(edge, image, BOB);
    expect((await answer).status).toBe(400);
    expect(performance.now() - since).toBeLessThan(1_400);
    await over;
    expect(await probesAfterPut(image)).toEqual(['HEAD blobs/layer1', 'HEAD blobs/layer2']);
    expect(await headParts(edge, image, ALICE)).toEqual(ALL_PARTS);
  });

  it.each(['cookie', 'x-gitlab-token'])('but not for a caller with another identity: %s', async (header) => {
    const image = await someImage();
    const edge = await edgeOfAlice(image);
    await push(edge, image, { ...ALICE, [header]: 'a=b' }).over;
    expect([await probesAfterPut(image), edge.spent().storeRequests]).toEqual([[], 0]);
    expect(await headParts(edge, image, ALICE)).toEqual(ALL_PARTS);
  });

  it('but writes nothing for digests that are not stored', async () => {
    const image = await someImage();
    const edge = createMeteredEdge(store, UNCHECKED);
    await earnGrant(edge, image);
    await stubRefusal(image);
    for (let n = 0; n < 2; n++) {
      edge.spent();
      await push(edge, image).over;
      // The five parts and the manifest itself are looked up, as blobs and as manifests.
      const reads = { memory: 0, kv: 2 * 6 * 2, durable: 2 * 6, redis: 2 * 6 * 3 }[like];
      const storeRequests = { memory: 0, kv: 2, durable: 1, redis: 2 }[like];
      expect(edge.spent()).toEqual({ storeRequests, operations: { reads, writes: 0 } });
    }
  });

  it('only once: a repeated refusal writes nothing', async () => {
    const image = await someImage();
    const edge = await edgeOfAlice(image);
    await push(edge, image, ALICE).over;
    const first = edge.spent().operations.writes;
    // In Redis this is one script for each link set.
    expect(first).toBe({ memory: 0, kv: 2 * 6, durable: 2 * 6, redis: 2 }[like]);
    await push(edge, image, ALICE).over;
    expect(edge.spent().operations.writes).toBe(0);
  });
});

describe('an open mirror', () => {
  it('refuses manifests and evicts nothing', async () => {
    const image = await someImage();
    await stubImageExists(image);
    const mirror = createEdge({ CLIENT_AUTH: 'anonymous' });
    await headParts(mirror, image);
    expect((await push(mirror, image).answer).status).toBe(405);
    expect(await headParts(mirror, image)).toEqual(expect.arrayContaining(ONLY_OTHER));
    expect(await headParts(mirror, image)).toEqual(ALL_PARTS);
  });
});
