import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { pushBlob, rig } from '../support/push.ts';
import { OCI_MANIFEST } from '../support/pushManifest.ts';
import { STORES } from '../support/stores.ts';
import { byPut, newBlob, putOf } from '../support/uploading.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const OTHER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const OCTETS = 'application/octet-stream';
const BYTES = '0123456789';

describe('Accept-Ranges and 416', () => {
  const sized = { 'content-length': '10', 'content-type': OCTETS };

  it.each<[string, Record<string, string>, boolean]>([
    ['announces ranges', { 'accept-ranges': 'bytes' }, true],
    ['says nothing about ranges', {}, false],
    ['announces that it has none', { 'accept-ranges': 'none' }, false],
  ])('are claimed only if the origin was seen to have ranges; this one %s: %j', async (_what, headers, hasRanges) => {
    const blob = await pushBlob(BYTES);
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 200, headers: { ...sized, ...headers } });
    const [cold, warm] = [
      await edge.fetch(blob.path, { method: 'HEAD' }),
      await edge.fetch(blob.path, { method: 'HEAD' }),
    ];
    const claimed = hasRanges ? 'bytes' : null;
    expect([cold, warm].map((answer) => answer.headers.get('accept-ranges'))).toEqual([claimed, claimed]);

    await rig.rule({ prefix: blob.path, method: 'GET', status: 200, headers: sized, body: BYTES });
    // This earns a grant without a 206, which would show that the origin has ranges.
    await edge.fetch(blob.path);
    const beyond = await edge.fetch(blob.path, { headers: { range: 'bytes=10-' } });
    expect([beyond.status, cacheStatusOf(beyond)]).toEqual(
      hasRanges ? [416, 'registry-edge; hit; detail=durable'] : [200, 'registry-edge; fwd=bypass; stored'],
    );
  });

  it('are claimed after a 206 of the origin, too', async () => {
    const blob = await pushBlob(BYTES);
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 200, headers: sized });
    await earnGrant(edge, blob);
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).headers.get('accept-ranges')).toBe('bytes');
  });
});

describe.each(STORES)("a blob's media type, with the cache in $name", ({ variables }) => {
  const typeOf = async (edge: ReturnType<typeof createEdge>, path: string) =>
    (await edge.fetch(path, { method: 'HEAD' })).headers.get('content-type');

  it.each([
    ['a type of its own', 'application/x-evil', 'application/x-evil'],
    ['the type of all blobs', OCTETS, OCTETS],
    ['several types', `text/plain, ${OCTETS}`, `text/plain, ${OCTETS}`],
    ['any', '*/*', '*/*'],
    ['none', '', 'text/plain'],
  ])('is not learnt from an origin that repeats the GET’s Accept: %s', async (_what, accept, repeated) => {
    const blob = await pushBlob(BYTES);
    const edge = createEdge(variables);
    await rig.rule({
      prefix: blob.path,
      method: 'GET',
      status: 200,
      headers: { 'content-type': repeated },
      body: BYTES,
    });
    await rig.rule({
      prefix: blob.path,
      method: 'HEAD',
      status: 200,
      headers: { 'content-length': '10', 'content-type': LAYER },
    });
    for (let n = 0; n < 2; n++) {
      expect((await edge.fetch(blob.path, { headers: { accept } })).headers.get('content-type')).toBe(repeated);
      expect(await typeOf(edge, blob.path)).toBe(LAYER);
    }
  });

  it('cannot be provoked by one HEAD’s Accept, which the origin does not get', async () => {
    const blob = await pushBlob(BYTES);
    await createEdge(variables).fetch(blob.path, { method: 'HEAD', headers: { accept: 'application/x-evil' } });
    expect((await rig.requests(blob.path)).map(({ headers }) => headers.accept)).toEqual(['*/*']);
  });

  it('is learnt from a GET if the origin does not repeat the Accept', async () => {
    const blob = await pushBlob(BYTES);
    const edge = createEdge(variables);
    await edge.fetch(blob.path, { headers: { accept: '*/*' } });
    const head = await edge.fetch(blob.path, { method: 'HEAD' });
    expect([head.headers.get('content-type'), cacheStatusOf(head)?.slice(0, 18)]).toEqual([
      OCTETS,
      'registry-edge; hit',
    ]);
  });

  it('is asked for again once a pushed manifest names the blob, at an origin that takes blobs’ types from manifests', async () => {
    const [seen, layer] = [await newBlob(), await newBlob()];
    const edge = createEdge(variables);
    await earnGrant(edge, layer);
    await (await byPut(edge, layer)).over;
    expect(await typeOf(edge, layer.path)).toBe(OCTETS);
    // Another blob shows the isolate what kind of origin this is.
    const typed = { 'content-length': '10', 'content-type': LAYER };
    await rig.rule({ prefix: seen.path, status: 200, headers: typed });
    expect(await typeOf(edge, seen.path)).toBe(LAYER);
    await rig.rule({ prefix: layer.path, status: 200, headers: typed });
    edge.clock.advance(1);
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers: [{ digest: layer.digest }] });
    const pushed = await edge.fetch(
      `/v2/${layer.name}/manifests/latest`,
      putOf({ bytes: manifest, mediaType: OCI_MANIFEST }),
    );
    expect(pushed.status).toBe(201);
    edge.clock.advance(1);
    expect(await typeOf(edge, layer.path)).toBe(LAYER);
    // A second push of the manifest does not evict the blob, whose type is known now.
    expect(
      (await edge.fetch(`/v2/${layer.name}/manifests/other`, putOf({ bytes: manifest, mediaType: OCI_MANIFEST })))
        .status,
    ).toBe(201);
    const again = await edge.fetch(layer.path, { method: 'HEAD' });
    expect([again.headers.get('content-type'), cacheStatusOf(again)?.slice(0, 18)]).toEqual([
      LAYER,
      'registry-edge; hit',
    ]);
    // Another manifest that states another type does.
    const layers = [{ digest: layer.digest, mediaType: OTHER_LAYER }];
    const other = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers });
    await rig.forget(layer.path);
    await rig.rule({ prefix: layer.path, status: 200, headers: { ...typed, 'content-type': OTHER_LAYER } });
    edge.clock.advance(1);
    const changed = putOf({ bytes: other, mediaType: OCI_MANIFEST });
    expect((await edge.fetch(`/v2/${layer.name}/manifests/latest`, changed)).status).toBe(201);
    edge.clock.advance(1);
    expect(await typeOf(edge, layer.path)).toBe(OTHER_LAYER);
    // From now on no upload teaches a type.
    const next = await newBlob();
    await earnGrant(edge, next);
    await rig.rule({ prefix: next.path, method: 'HEAD', status: 200, headers: typed });
    await (await byPut(edge, next)).over;
    expect(await typeOf(edge, next.path)).toBe(LAYER);
  });
});
