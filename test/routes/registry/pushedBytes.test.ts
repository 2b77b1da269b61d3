import { describe, expect, it } from 'vitest';
import { delay } from '../../../src/async.ts';
import { createBytesEdge, fillsOf, isStored, meteredBucket, pull, someBytes } from '../../support/bytes.ts';
import { earnGrant } from '../../support/grant.ts';
import { rig } from '../../support/push.ts';
import {
  byChunkedPut,
  byPatch,
  byPost,
  byPut,
  newBlob,
  openUpload,
  type Way,
  withDigest,
  withLength,
} from '../../support/uploading.ts';

const PUSH = { BLOB_FILL: 'push' };
const MIB = 1024 * 1024;

async function push(edge: ReturnType<typeof createBytesEdge>, blob: Awaited<ReturnType<typeof newBlob>>, way: Way) {
  const { answer, over } = await way(edge, blob);
  const { status } = await answer;
  await over;
  return status;
}

describe('with BLOB_FILL=push', () => {
  it.each<[string, Way, number]>([
    ['a PUT of a few bytes', byPut, 100],
    ['a PUT of more than is hashed', byPut, 2 * MIB],
    ['a single POST', byPost, 300_000],
  ])('a blob is stored by %s, and pulled without the origin', async (_what, way, length) => {
    const { bucket, spent } = meteredBucket();
    const edge = createBytesEdge(PUSH, { bucket });
    const blob = await newBlob(someBytes(length));
    expect(await push(edge, blob, way)).toBe(201);
    expect([fillsOf(edge), spent(), await isStored(blob)]).toEqual([['begun', 'stored'], ['put'], true]);
    await earnGrant(edge, blob);
    spent();
    const before = await blob.asked();
    expect((await pull(edge, blob.path)).text === blob.bytes).toBe(true);
    expect([spent(), (await blob.asked()) - before]).toEqual([['get'], 0]);
  });

  it.each<[string, Way]>([
    ['a PATCH, which does not name the digest', byPatch],
    ['a PUT without a length', byChunkedPut],
  ])('a blob is not stored by %s', async (_what, way) => {
    const edge = createBytesEdge(PUSH);
    const blob = await newBlob(someBytes());
    expect(await push(edge, blob, way)).toBe(201);
    expect([fillsOf(edge), await isStored(blob)]).toEqual([[], false]);
  });

  it('the last piece of an upload is not stored as if it were the blob', async () => {
    const edge = createBytesEdge(PUSH);
    const blob = await newBlob(someBytes());
    const session = await openUpload(edge, blob);
    await edge.fetch(session, { method: 'PATCH', body: blob.bytes.slice(0, 10) });
    const sent = edge.send(withDigest(session, blob), { method: 'PUT', ...withLength(blob.bytes.slice(10)) });
    expect((await sent.answer).status).toBe(201);
    await sent.over;
    expect([fillsOf(edge), await isStored(blob)]).toEqual([['begun', 'wrong'], false]);
    expect(edge.log.join()).not.toContain('do not match their digest');
  });

  it.each([400, 401, 403, 404, 413, 500])(
    'nothing is stored where the origin answers %i to right bytes',
    async (status) => {
      const edge = createBytesEdge(PUSH);
      const blob = await newBlob(someBytes());
      const uploads = `/v2/${blob.name}/blobs/uploads/`;
      await rig.rule({ prefix: uploads, method: 'POST', status, afterBytes: blob.bytes.length });
      expect(await push(edge, blob, byPost)).toBe(status);
      expect([fillsOf(edge), await isStored(blob)]).toEqual([[], false]);
      await rig.forget(uploads);
      expect(await push(edge, blob, byPost)).toBe(201);
      expect(await isStored(blob)).toBe(true);
    },
  );

  it('a byte store that fails or hangs does not keep the push from its end', async () => {
    for (const put of [() => Promise.reject(new Error('down')), () => delay(2_500)]) {
      const { bucket } = meteredBucket({ put });
      const edge = createBytesEdge(PUSH, { bucket });
      const blob = await newBlob(someBytes(2 * MIB));
      expect(await push(edge, blob, byPut)).toBe(201);
      expect(fillsOf(edge)[0]).toBe('begun');
      expect(fillsOf(edge)[1]).toMatch(/failed|slow/);
    }
  });

  it('a pull does not fill, and with BLOB_FILL=both it does', async () => {
    for (const [BLOB_FILL, fills] of [
      ['push', []],
      ['both', ['begun', 'stored']],
    ] as const) {
      const edge = createBytesEdge({ BLOB_FILL });
      const blob = await newBlob(someBytes());
      await push(createBytesEdge({ BLOB_FILL: 'pull' }), blob, byPost);
      expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
      expect(fillsOf(edge)).toEqual(fills);
    }
  });
});

it('with BLOB_FILL=pull, which is the default, a push stores nothing', async () => {
  const edge = createBytesEdge();
  const blob = await newBlob(someBytes());
  expect(await push(edge, blob, byPost)).toBe(201);
  expect([fillsOf(edge), await isStored(blob)]).toEqual([[], false]);
});
