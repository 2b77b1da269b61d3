import { afterEach, describe, expect, it, vi } from 'vitest';
import { someDigest, someName } from '../../support/digests.ts';
import { createEdge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf } from '../../support/events.ts';
import { isThere, refuses, someImage } from '../../support/healing.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { OCI_MANIFEST, STORES } from '../../support/pushManifest.ts';
import { type Script, scripted } from '../../support/scripted.ts';
import { putOf } from '../../support/uploading.ts';

const LAYERS = 10_000;
const path = () => `/v2/${someName()}/blobs/${someDigest()}`;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a question about a blob makes a bounded number of requests to an origin whose redirects lead nowhere', () => {
  /** Where the origin redirects to, below its own URL; `''`: to the same again. */
  const LOCATIONS: [what: string, location: (path: string) => string, requests: number][] = [
    ['to itself', (asked) => `{base}${asked}`, 1],
    ['to itself, with another fragment', (asked) => `{base}${asked}#again`, 2],
    ['to another place, and there to the same', () => '{base}/elsewhere', 2],
    ['ever further', () => 'further/', 4],
  ];

  it.each(LOCATIONS)('HEAD: %s', async (_what, location, requests) => {
    const asked = path();
    const origin = scripted({ status: 307, headers: { location: location(asked) } });
    const response = await createEdge({ ORIGIN_URL: origin.url }).fetch(asked, { method: 'HEAD' });
    expect(response.status).toBe(307);
    expect((await origin.calls()).map(({ method }) => method)).toEqual(Array(requests).fill('HEAD'));
  });

  it.each(LOCATIONS)('GET that needs no bytes, redirects followed: %s', async (_what, location, requests) => {
    const asked = path();
    const origin = scripted({ status: 307, headers: { location: location(asked) } });
    const edge = createEdge({ ORIGIN_URL: origin.url, BLOB_REDIRECT: 'follow' });
    await edge.fetch(asked, { headers: { 'if-none-match': asked.split('/').at(-1) ?? '' } });
    expect((await origin.calls()).length).toBeLessThanOrEqual(2 * requests);
  });

  it.each<[string, Script]>([
    ['tells no size', { status: 200, headers: { 'transfer-encoding': 'chunked' } }],
    ['knows no HEAD', { status: 405 }],
  ])('HEAD of an origin that %s: two', async (_what, script) => {
    const origin = scripted(script);
    await createEdge({ ORIGIN_URL: origin.url }).fetch(path(), { method: 'HEAD' });
    expect((await origin.calls()).map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });
});

describe('what a write makes of one request is bounded', () => {
  it.each(STORES)(`a refused manifest of ${LAYERS} layers: requests to the store: %s`, async (store, variables) => {
    const image = await someImage();
    await isThere(image);
    const layers = Array.from({ length: LAYERS }, () => ({ digest: someDigest() }));
    const bytes = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers });
    await refuses(image, { status: 404, body: '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}' });
    const edge = createMeteredEdge(store, variables);
    await edge.fetch(`/v2/${image.name}/blobs/${someDigest()}`, { method: 'HEAD' });
    edge.spent();
    const { status } = await edge.fetch(image.path, putOf({ bytes, mediaType: OCI_MANIFEST }));
    expect(status).toBe(404);
    expect(edge.spent().storeRequests).toBeLessThanOrEqual({ memory: 0, kv: 42, redis: 10 }[store]);
  });

  it('a refused manifest: four questions to the origin about the right to read, at most', async () => {
    const image = await someImage();
    await refuses(image, { status: 404, body: '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}' });
    const before = (await rig.requests(`/v2/${image.name}/`)).length;
    await createEdge().fetch(image.path, putOf({ bytes: image.bytes, mediaType: OCI_MANIFEST }));
    expect((await rig.requests(`/v2/${image.name}/`)).length - before).toBeLessThanOrEqual(1 + 4);
  });

  it.each([200, 404, 405, 500])(
    'a DELETE: three requests to the origin at most, where it answers HEAD with %i',
    async (status) => {
      const blob = await pushBlob();
      if (status !== 200) await rig.rule({ prefix: blob.path, method: 'HEAD', status });
      await createEdge().fetch(blob.path, { method: 'DELETE' });
      expect(await blob.asked()).toBeLessThanOrEqual(3);
    },
  );

  it('an envelope of events: no request to the origin', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ EVENTS_TOKEN });
    const told = eventsOf(blob.name);
    const events = Array.from({ length: 50 }, () => told.deleted(someDigest()));
    const init = {
      method: 'POST',
      headers: { authorization: `Bearer ${EVENTS_TOKEN}` },
      body: JSON.stringify({ events }),
    };
    expect((await edge.fetch('/_edge/events', init)).status).toBe(204);
    expect(await blob.asked()).toBe(0);
  });
});
