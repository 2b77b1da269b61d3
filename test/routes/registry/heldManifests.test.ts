import { describe, expect, inject, it } from 'vitest';
import { headEach, manifestNaming, newImage, put } from '../../support/commit.ts';
import { cacheStatusOf, createEdge, textOf } from '../../support/edge.ts';
import { rig } from '../../support/push.ts';
import { newManifest, uniqueManifest } from '../../support/pushManifest.ts';
import { putOf, writeBacksOf } from '../../support/uploading.ts';

const MIB = 1_048_576;
const INMEMORY = { BLOBDESCRIPTOR: 'inmemory' };

/** Returns the PUTs of manifests that reached the origin. */
const putsAt = async (path: string) => (await rig.requests(path)).filter(({ method }) => method === 'PUT');

describe('a manifest that is checked', () => {
  it('arrives unchanged and with its length, in whatever pieces and without a length it was sent', async () => {
    const manifest = await newManifest({ bytes: uniqueManifest(100_000) });
    const edge = createEdge(INMEMORY);
    const { readable, writable } = new IdentityTransformStream();
    const { answer, over } = edge.send(manifest.path, {
      ...{ method: 'PUT', body: readable },
      headers: { 'content-type': manifest.mediaType },
    });
    const writer = writable.getWriter();
    const bytes = new TextEncoder().encode(manifest.bytes);
    for (let at = 0; at < bytes.length; at += 7_001) await writer.write(bytes.slice(at, at + 7_001));
    expect(await putsAt(manifest.path)).toEqual([]);
    await writer.close();
    expect((await answer).status).toBe(201);
    await over;
    expect(await (await fetch(inject('originUrl') + manifest.path)).text()).toBe(manifest.bytes);
    const [put] = await putsAt(manifest.path);
    expect(put?.headers).toMatchObject({ 'content-length': String(bytes.length) });
    expect(put?.headers['transfer-encoding']).toBeUndefined();
    expect(writeBacksOf(edge)).toEqual(['begun', 'done']);
  });

  it.each([
    ['with a length', { 'content-length': '1000' }],
    ['without a length', {}],
  ])('is not sent on if it breaks off: %s', async (_how, length) => {
    const manifest = await newManifest();
    const edge = createEdge(INMEMORY);
    const { readable, writable } = new IdentityTransformStream();
    const headers = { 'content-type': manifest.mediaType, ...length };
    const { answer, over } = edge.send(manifest.path, { method: 'PUT', body: readable, headers });
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(manifest.bytes));
    await writer.abort(new Error('the client has left')).catch(() => undefined);
    const response = await answer;
    expect([response.status, JSON.parse(await textOf(response))]).toMatchObject([
      400,
      { errors: [{ code: 'REQUEST_INVALID' }] },
    ]);
    await over;
    expect(await putsAt(manifest.path)).toEqual([]);
  });

  it.each([
    ['with its length', true],
    ['without a length', false],
  ])('is refused and not sent on if it is larger than 4 MiB: %s', async (_how, hasLength) => {
    const manifest = await newManifest({ bytes: uniqueManifest(4 * MIB) });
    const edge = createEdge(INMEMORY);
    const { body, headers } = putOf(manifest);
    const sent = hasLength ? headers : { 'content-type': manifest.mediaType };
    const response = await edge.fetch(manifest.path, { method: 'PUT', body, headers: sent });
    expect(response.status).toBe(413);
    expect(response.headers.get('retry-after')).toBeNull();
    expect(await putsAt(manifest.path)).toEqual([]);
  });

  it('is sent on, as a request without a body, if it has none', async () => {
    const manifest = await newManifest();
    const edge = createEdge(INMEMORY);
    expect((await edge.fetch(manifest.path, { method: 'PUT' })).status).toBe(400);
    expect(await putsAt(manifest.path)).toHaveLength(1);
  });

  it.each(['no JSON', '[]', '{"config":'])('is left to the origin if it is no manifest: %s', async (bytes) => {
    const manifest = await newManifest({ bytes });
    await createEdge(INMEMORY).fetch(manifest.path, putOf(manifest));
    expect(await putsAt(manifest.path)).toHaveLength(1);
  });

  it('is known to the cache, which forgets what it names, if the origin refuses it before reading it', async () => {
    const { blobs } = await newImage();
    const edge = createEdge(INMEMORY);
    await headEach(edge, blobs);
    const manifest = await manifestNaming(blobs, { annotations: { padding: 'x'.repeat(3 * MIB) } });
    const refusal = { status: 400, body: '{"errors":[{"code":"MANIFEST_INVALID"}]}' };
    await rig.rule({ prefix: manifest.path, method: 'PUT', ...refusal });
    expect((await put(edge, manifest)).status).toBe(400);
    for (const { path } of blobs) {
      expect(cacheStatusOf(await edge.fetch(path, { method: 'HEAD' }))).toMatch(/^registry-edge; fwd=miss/);
    }
  });
});
