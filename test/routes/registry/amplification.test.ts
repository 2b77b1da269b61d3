import { afterEach, describe, expect, it, vi } from 'vitest';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { createEdge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../../support/events.ts';
import { earnGrant } from '../../support/grant.ts';
import { someImage, stubImageExists, stubManifestRefusal } from '../../support/healing.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { newManifest, OCI_MANIFEST, UNCHECKED } from '../../support/pushManifest.ts';
import { createScriptedServer, type Script } from '../../support/scripted.ts';
import { STORES } from '../../support/stores.ts';
import { putOf } from '../../support/uploading.ts';

const LAYERS = 10_000;
const somePath = () => `/v2/${uniqueName()}/blobs/${uniqueDigest()}`;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a request for a blob makes a bounded number of requests to an origin with endless redirects', () => {
  /** The origin's Location for a path, where `{base}` is its own URL, and the number of requests that it may cause. */
  const LOCATIONS: [what: string, location: (path: string) => string, requests: number][] = [
    ['to the same path', (path) => `{base}${path}`, 1],
    ['to the same path with a fragment', (path) => `{base}${path}#again`, 2],
    ['to another path, which redirects to itself', () => '{base}/elsewhere', 2],
    ['to ever longer paths', () => 'further/', 4],
  ];

  it.each(LOCATIONS)('a HEAD, redirected %s', async (_what, location, requests) => {
    const path = somePath();
    const origin = createScriptedServer({ status: 307, headers: { location: location(path) } });
    const response = await createEdge({ ORIGIN_URL: origin.url }).fetch(path, { method: 'HEAD' });
    expect(response.status).toBe(307);
    expect((await origin.calls()).map(({ method }) => method)).toEqual(Array(requests).fill('HEAD'));
  });

  it.each(LOCATIONS)(
    'a GET that needs no bytes, with BLOB_REDIRECT=follow, redirected %s',
    async (_what, location, requests) => {
      const path = somePath();
      const origin = createScriptedServer({ status: 307, headers: { location: location(path) } });
      const edge = createEdge({ ORIGIN_URL: origin.url, BLOB_REDIRECT: 'follow' });
      await edge.fetch(path, { headers: { 'if-none-match': path.split('/').at(-1) ?? '' } });
      expect((await origin.calls()).length).toBeLessThanOrEqual(2 * requests);
    },
  );

  it.each<[string, Script]>([
    ['states no size', { status: 200, headers: { 'transfer-encoding': 'chunked' } }],
    ['does not support HEAD', { status: 405 }],
  ])('a HEAD makes two requests to an origin that %s', async (_what, script) => {
    const origin = createScriptedServer(script);
    await createEdge({ ORIGIN_URL: origin.url }).fetch(somePath(), { method: 'HEAD' });
    expect((await origin.calls()).map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });
});

describe('one write makes a bounded number of requests', () => {
  it.each(STORES)(
    `a refused manifest of ${LAYERS} layers makes a bounded number to the store: $name`,
    async ({ name: store, like }) => {
      const image = await someImage();
      await stubImageExists(image);
      const layers = Array.from({ length: LAYERS }, () => ({ digest: uniqueDigest() }));
      const bytes = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers });
      await stubManifestRefusal(image, { status: 404, body: '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}' });
      const edge = createMeteredEdge(store, UNCHECKED);
      await edge.fetch(`/v2/${image.name}/blobs/${uniqueDigest()}`, { method: 'HEAD' });
      edge.spent();
      const { status } = await edge.fetch(image.path, putOf({ bytes, mediaType: OCI_MANIFEST }));
      expect(status).toBe(404);
      expect(edge.spent().storeRequests).toBeLessThanOrEqual({ memory: 0, kv: 42, durable: 10, redis: 10 }[like]);
    },
  );

  it(`a stranger's manifest of ${LAYERS} layers makes one to the origin besides its own, and none to the store`, async () => {
    const image = await someImage();
    await rig.rule({ prefix: `/v2/${image.name}/`, status: 401 });
    const layers = Array.from({ length: LAYERS }, () => ({ digest: uniqueDigest() }));
    const bytes = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers });
    const edge = createMeteredEdge('durable');
    const before = (await rig.requests(`/v2/${image.name}/`)).length;
    expect((await edge.fetch(image.path, putOf({ bytes, mediaType: OCI_MANIFEST }))).status).toBe(401);
    expect((await rig.requests(`/v2/${image.name}/`)).length - before).toBe(1 + 1);
    expect(edge.spent().storeRequests).toBe(0);
  });

  it.each(STORES)(
    `a checked manifest of ${LAYERS} layers makes a bounded number to the store: $name`,
    async ({ name: store, like }) => {
      const { name } = await pushBlob();
      const layers = Array.from({ length: LAYERS }, () => ({ digest: uniqueDigest() }));
      const bytes = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers });
      const edge = createMeteredEdge(store);
      await earnGrant(edge, { name });
      edge.spent();
      const pushed = await edge.fetch(`/v2/${name}/manifests/latest`, putOf({ bytes, mediaType: OCI_MANIFEST }));
      expect(pushed.status).toBe(400);
      expect(edge.spent().storeRequests).toBeLessThanOrEqual({ memory: 0, kv: 22, durable: 3, redis: 4 }[like]);
    },
  );

  it.each([
    ['does not have them', 404, {}, 400],
    ['limits its requests', 429, { 'retry-after': '60' }, 429],
  ])(`a manifest of ${LAYERS} layers makes at most 200 to an origin that %s`, async (_what, says, headers, status) => {
    const { name } = await pushBlob();
    await rig.rule({ prefix: `/v2/${name}/blobs/`, method: 'HEAD', status: says, headers });
    const edge = createEdge();
    await earnGrant(edge, { name });
    const layers = Array.from({ length: LAYERS }, () => ({ digest: uniqueDigest() }));
    const bytes = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers });
    const before = (await rig.requests(`/v2/${name}/`)).length;
    const pushed = await edge.fetch(`/v2/${name}/manifests/latest`, putOf({ bytes, mediaType: OCI_MANIFEST }));
    expect(pushed.status).toBe(status);
    expect((await rig.requests(`/v2/${name}/`)).length - before).toBeLessThanOrEqual(200);
  });

  it.each([
    ['a stranger', 100, 401, 1 + 1],
    ['somebody', 101, 403, 0],
  ])("%s's manifest with %i tags that never move makes few to the origin", async (_who, count, status, most) => {
    const manifest = await newManifest();
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, status: 401 });
    const tags = Array.from({ length: count }, (_tag, at) => `tag=v${at}`).join('&');
    const edge = createEdge({ ...UNCHECKED, IMMUTABLE_TAGS: 'v*' });
    expect((await edge.fetch(`${manifest.path}?${tags}`, putOf(manifest))).status).toBe(status);
    expect((await manifest.questions()).length).toBe(most);
  });

  it('a refused manifest makes at most four to the origin, to prove access', async () => {
    const image = await someImage();
    await stubManifestRefusal(image, { status: 404, body: '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}' });
    const before = (await rig.requests(`/v2/${image.name}/`)).length;
    await createEdge(UNCHECKED).fetch(image.path, putOf({ bytes: image.bytes, mediaType: OCI_MANIFEST }));
    expect((await rig.requests(`/v2/${image.name}/`)).length - before).toBeLessThanOrEqual(1 + 4);
  });

  it.each([200, 404, 405, 500])(
    'a DELETE makes at most three to an origin that answers HEAD with %i',
    async (status) => {
      const blob = await pushBlob();
      if (status !== 200) await rig.rule({ prefix: blob.path, method: 'HEAD', status });
      await createEdge().fetch(blob.path, { method: 'DELETE' });
      expect(await blob.asked()).toBeLessThanOrEqual(3);
    },
  );

  it('an envelope of events makes none to the origin', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ EVENTS_TOKEN });
    const events = Array.from({ length: 50 }, () => eventsOf(blob.name).deleted(uniqueDigest()));
    expect((await sendEvents(edge, ...events)).status).toBe(204);
    expect(await blob.asked()).toBe(0);
  });
});
