import { describe, expect, it } from 'vitest';
import { createBytesEdge, createWarm, isStored, MIRROR, pull, someBytes } from '../../support/bytes.ts';
import { cacheStatusOf } from '../../support/edge.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { pushToStorage } from '../../support/storage.ts';

const ARCHIVE = {
  ...{ ...MIRROR, KEEP_DELETED: 'keep', DESCRIPTOR_TTL: '10s', STALE_IF_ERROR: '1h', REDIRECT_HOSTS: 'localhost' },
};
const KEPT = 'registry-edge; fwd=stale; detail=origin-404';
const HEAD = { method: 'HEAD' };

const deleteAt = async (blob: Pushed) => {
  await rig.forget(blob.path);
  await rig.rule({ prefix: `/v2/${blob.name}/`, status: 404 });
};

/** Blobs as registries give them, and the headers of the one request that pulls each. */
const PULLS: readonly [string, () => Promise<Pushed>, Record<string, string>, Record<string, string>][] = [
  ['by a redirect', () => pushToStorage({ bytes: someBytes() }), {}, {}],
  ['by a redirect that the edge follows', () => pushToStorage({ bytes: someBytes() }), { BLOB_REDIRECT: 'follow' }, {}],
  ['with a media type of its own', () => pushTyped('application/vnd.oci.image.layer.v1.tar+gzip'), {}, {}],
  ['in part', () => pushBlob(someBytes()), {}, { range: 'bytes=5-9' }],
];

async function pushTyped(type: string): Promise<Pushed> {
  const blob = await pushBlob(someBytes());
  const headers = { 'content-length': String(blob.bytes.length), 'content-type': type };
  await rig.rule({ prefix: blob.path, status: 200, headers, body: blob.bytes });
  return blob;
}

describe('a blob that an archive (KEEP_DELETED=keep) has pulled once', () => {
  it.each(PULLS)('is kept where the origin gave it %s', async (_how, push, variables, headers) => {
    const edge = createBytesEdge({ ...ARCHIVE, ...variables });
    const blob = await push();
    await pull(edge, blob.path, headers);
    expect(await isStored(blob)).toBe(true);
    await deleteAt(blob);
    edge.clock.advance(10_000);
    const kept = await pull(edge, blob.path);
    expect([kept.status, kept.text === blob.bytes, cacheStatusOf(kept.response)]).toEqual([200, true, KEPT]);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
  });

  it('is kept where the origin still redirects, and its storage no longer has it', async () => {
    const edge = createBytesEdge(ARCHIVE);
    const blob = await pushToStorage({ bytes: someBytes() });
    await pull(edge, blob.path);
    await rig.forget(blob.at);
    await rig.rule({ prefix: blob.at, status: 404 });
    edge.clock.advance(10_000);
    const kept = await pull(edge, blob.path);
    expect([kept.status, kept.text === blob.bytes, cacheStatusOf(kept.response)]).toEqual([200, true, KEPT]);
    const head = await edge.fetch(blob.path, { ...HEAD, redirect: 'manual' });
    expect([head.status, cacheStatusOf(head)]).toEqual([200, KEPT]);
  });

  it('has not changed for a client that names its digest', async () => {
    const { edge, blob } = await createWarm(ARCHIVE);
    await deleteAt(blob);
    edge.clock.advance(10_000);
    const { status, response } = await pull(edge, blob.path, { 'if-none-match': `"${blob.digest}"` });
    expect([status, cacheStatusOf(response)]).toEqual([304, KEPT]);
  });

  it('costs the bucket nothing for a HEAD that the cache or the origin answers', async () => {
    const { edge, blob, spent } = await createWarm(ARCHIVE);
    for (const ageMs of [0, 10_000]) {
      edge.clock.advance(ageMs);
      expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    }
    expect(spent()).toEqual([]);
    await deleteAt(blob);
    edge.clock.advance(10_000);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    expect(spent()).toEqual(['head']);
  });
});
