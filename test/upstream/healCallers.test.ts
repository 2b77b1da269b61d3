import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEdge } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import {
  ALL,
  errorOf,
  type Image,
  isThere,
  knownOf,
  ONLY_OTHER,
  probesOf,
  push,
  refuses,
  someImage,
  UNNAMED,
} from '../support/healing.ts';
import { createMeteredEdge } from '../support/metered.ts';
import { rig } from '../support/push.ts';
import { STORES } from '../support/pushManifest.ts';
import type { Rule } from '../support/rig.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const BOB = { authorization: 'Basic Ym9iOnNlY3JldA==' };

/** What the origin answers to everybody but Alice: she is first, so that no other rule hides this one. */
const toOthers = ({ name }: Image, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${name}/`, unlessAuthorization: ALICE.authorization, ...rule });

/** The refusal names the config. */
const refuse = (image: Image) => refuses(image, { body: errorOf('MANIFEST_BLOB_UNKNOWN', image.parts.config) });

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('what a refused manifest names is forgotten, cache in %s', (store, { CACHE_TIMEOUT = '' }) => {
  /** An edge that knows all of the image, for Alice. */
  async function edgeOfAlice(image: Image, variables: Record<string, string> = {}) {
    const edge = createMeteredEdge(store, { CACHE_TIMEOUT, ...variables });
    await isThere(image);
    await knownOf(edge, image, ALICE);
    await refuse(image);
    edge.spent();
    return edge;
  }

  it('for a caller with a grant, without a question to the origin', async () => {
    const image = await someImage();
    const edge = await edgeOfAlice(image);
    await push(edge, image, ALICE).over;
    expect(await probesOf(image)).toEqual([]);
    expect(await knownOf(edge, image, ALICE)).toEqual(UNNAMED);
  });

  it('for a caller whose grant has ended, once the origin says that a blob is there', async () => {
    const image = await someImage();
    const edge = await edgeOfAlice(image, { PUSH_EXISTENCE_TTL: '5m', MEMORY_TTL: '5m' });
    edge.clock.advance(61_000);
    await push(edge, image, ALICE).over;
    expect(await probesOf(image)).toEqual(['HEAD blobs/layer1']);
    expect(await knownOf(edge, image, ALICE)).toEqual(UNNAMED);
  });

  it('for a caller whom the second blob proves', async () => {
    const image = await someImage();
    await toOthers(image, { method: 'HEAD', status: 404, times: 1 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(await probesOf(image)).toEqual(['HEAD blobs/layer1', 'HEAD blobs/layer2']);
    expect(await knownOf(edge, image, ALICE)).toEqual(UNNAMED);
  });

  it('for a caller whom only the manifest that stood there proves, after three blobs that are not there', async () => {
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
    expect(await probesOf(image)).toEqual(probes);
    expect(await knownOf(edge, image, ALICE)).toEqual(UNNAMED);
  });

  it('for nobody to whom the manifest is refused after three blobs were not', async () => {
    const image = await someImage();
    await toOthers(image, { method: 'HEAD', status: 404, times: 3 });
    await toOthers(image, { method: 'HEAD', status: 401 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    expect(await knownOf(edge, image, ALICE)).toEqual(ALL);
  });

  it('for a caller to whom all is lost, where the origin says in whose repository it has looked in vain', async () => {
    const image = await someImage();
    await toOthers(image, { method: 'HEAD', status: 404 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(await probesOf(image)).toHaveLength(4);
    expect(await knownOf(edge, image, ALICE)).toEqual(UNNAMED);
  });

  it.each<[string, (image: Image) => string]>([
    ['another code', ({ parts }) => errorOf('MANIFEST_INVALID', parts.config)],
    ['a code of a 404', ({ parts }) => errorOf('BLOB_UNKNOWN', parts.config)],
    ['a digest that the manifest does not name', ({ parts }) => errorOf('MANIFEST_BLOB_UNKNOWN', parts.other)],
    ['no digest', () => errorOf('MANIFEST_BLOB_UNKNOWN')],
    ['an echo', ({ bytes }) => bytes],
  ])('for no stranger to whom all seems lost, where the refusal has %s', async (_what, bodyOf) => {
    const image = await someImage();
    await toOthers(image, { method: 'PUT', status: 400, body: bodyOf(image) });
    await toOthers(image, { method: 'HEAD', status: 404 });
    const edge = await edgeOfAlice(image);
    await push(edge, image, BOB).over;
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    expect(await knownOf(edge, image, ALICE)).toEqual(ALL);
  });

  it.each<[string, Partial<Rule>]>([
    ['401', { status: 401 }],
    ['403', { status: 403 }],
    ['429', { status: 429 }],
    ['500', { status: 500 }],
    ['a redirect', { status: 307, headers: { location: '/login' } }],
    ['what a cache has', { status: 200, headers: { age: '1' } }],
    ['a page to sign in', { status: 200, headers: { 'content-type': 'text/html' } }],
  ])('for no stranger, for whom nothing is read or written: %s', async (_what, rule) => {
    const image = await someImage();
    for (const method of ['HEAD', 'GET']) await toOthers(image, { method, ...rule });
    const edge = await edgeOfAlice(image);
    const { answer, over } = push(edge, image, BOB);
    expect((await answer).status).toBe(400);
    await over;
    // Who is refused once is not asked about again, and neither is an origin that fails.
    expect(await probesOf(image)).toHaveLength((rule.status ?? 0) >= 400 ? 1 : 4);
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    expect(await knownOf(edge, image, ALICE)).toEqual(ALL);
  });

  it('for nobody of whom the origin does not tell in time', async () => {
    const image = await someImage();
    await toOthers(image, { method: 'HEAD', delayMs: 600 });
    const edge = await edgeOfAlice(image, { ORIGIN_TIMEOUT: '300ms' });
    const { answer, over } = push(edge, image, BOB);
    expect((await answer).status).toBe(400);
    await over;
    expect(await probesOf(image)).toEqual(['HEAD blobs/layer1']);
    expect(await knownOf(edge, image, ALICE)).toEqual(ALL);
  });

  it('for nobody after ORIGIN_TIMEOUT, which is for all of the questions together', async () => {
    const image = await someImage();
    await toOthers(image, { method: 'HEAD', status: 404, delayMs: 400 });
    const edge = await edgeOfAlice(image, { ORIGIN_TIMEOUT: '600ms' });
    const since = performance.now();
    const { answer, over } = push(edge, image, BOB);
    expect((await answer).status).toBe(400);
    expect(performance.now() - since).toBeLessThan(1_000);
    await over;
    expect(await probesOf(image)).toEqual(['HEAD blobs/layer1', 'HEAD blobs/layer2']);
    expect(await knownOf(edge, image, ALICE)).toEqual(ALL);
  });

  it.each(['cookie', 'x-gitlab-token'])('for no caller who shows another identity: %s', async (header) => {
    const image = await someImage();
    const edge = await edgeOfAlice(image);
    await push(edge, image, { ...ALICE, [header]: 'a=b' }).over;
    expect([await probesOf(image), edge.spent().storeRequests]).toEqual([[], 0]);
    expect(await knownOf(edge, image, ALICE)).toEqual(ALL);
  });

  it('only where it is there: else it is looked for, and nothing is written', async () => {
    const image = await someImage();
    const edge = createMeteredEdge(store, { CACHE_TIMEOUT });
    await grant(edge, image);
    await refuse(image);
    for (let n = 0; n < 2; n++) {
      edge.spent();
      await push(edge, image).over;
      // A look for the five parts and the manifest itself, as blobs and as manifests.
      const reads = { memory: 0, kv: 2 * 6 * 2, redis: 2 * 6 * 3 }[store];
      expect(edge.spent()).toEqual({ storeRequests: store === 'memory' ? 0 : 2, operations: { reads, writes: 0 } });
    }
  });

  it('once: what was forgotten is not written again', async () => {
    const image = await someImage();
    const edge = await edgeOfAlice(image);
    await push(edge, image, ALICE).over;
    const first = edge.spent().operations.writes;
    // In Redis one script for each link set.
    expect(first).toBe({ memory: 0, kv: 2 * 6, redis: 2 }[store]);
    await push(edge, image, ALICE).over;
    expect(edge.spent().operations.writes).toBe(0);
  });
});

describe('an open mirror', () => {
  it('takes no manifest, and forgets nothing', async () => {
    const image = await someImage();
    await isThere(image);
    const mirror = createEdge({ CLIENT_AUTH: 'anonymous' });
    await knownOf(mirror, image);
    expect((await push(mirror, image).answer).status).toBe(405);
    expect(await knownOf(mirror, image)).toEqual(expect.arrayContaining(ONLY_OTHER));
    expect(await knownOf(mirror, image)).toEqual(ALL);
  });
});
