import { describe, expect, it } from 'vitest';
import { createBytesEdge, createWarm, MIRROR, meteredBucket, pull } from '../../support/bytes.ts';
import { uniqueDigest } from '../../support/digests.ts';
import { createEdge } from '../../support/edge.ts';
import { ADMIN_TOKEN, OPERATOR, purge } from '../../support/purge.ts';

const GET = { headers: OPERATOR };
const DELETE = { ...GET, method: 'DELETE' };
const OPERATED = { ...MIRROR, ADMIN_TOKEN };

describe('/_edge/blobs/<digest>', () => {
  it('GET shows the size of what the edge has, and DELETE removes it for all repositories', async () => {
    const { edge, blob, spent } = await createWarm(OPERATED);
    const path = `/_edge/blobs/${blob.digest}`;
    const found = { digest: blob.digest, size: blob.bytes.length };
    expect(await (await edge.fetch(path, GET)).json()).toEqual(found);
    const removed = await edge.fetch(path, DELETE);
    expect([removed.status, await removed.json()]).toEqual([200, found]);
    expect(await (await edge.fetch(path, GET)).json()).toEqual({ ...found, size: null });
    spent();
    edge.clock.advance(60_000);
    // The origin still has it, so it is stored again.
    expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
    expect([spent(), await blob.asked()]).toEqual([['get', 'put'], 2]);
  });

  it('DELETE of what the edge does not have answers with null', async () => {
    const digest = uniqueDigest();
    const response = await createBytesEdge(OPERATED).fetch(`/_edge/blobs/${digest}`, DELETE);
    expect([response.status, await response.json()]).toEqual([200, { digest, size: null }]);
  });

  it.each<[string, Record<string, string>, RequestInit, string, number]>([
    ['without ADMIN_TOKEN', { BLOB_STORE: 'r2' }, GET, uniqueDigest(), 404],
    ['without BLOB_STORE', { ADMIN_TOKEN }, GET, uniqueDigest(), 404],
    [
      'with another token',
      { ADMIN_TOKEN, BLOB_STORE: 'r2' },
      { headers: { authorization: 'Bearer other' } },
      uniqueDigest(),
      401,
    ],
    ['with another method', { ADMIN_TOKEN, BLOB_STORE: 'r2' }, { ...GET, method: 'PUT' }, uniqueDigest(), 405],
    ['with an invalid digest', { ADMIN_TOKEN, BLOB_STORE: 'r2' }, GET, 'sha256:abc', 400],
  ])('is refused %s', async (_what, variables, init, digest, status) => {
    expect((await createEdge(variables).fetch(`/_edge/blobs/${digest}`, init)).status).toBe(status);
  });

  it('is a 503 while the byte store fails', async () => {
    const { bucket } = meteredBucket({ head: () => Promise.reject(new Error('down')) });
    const edge = createBytesEdge(OPERATED, { bucket });
    expect((await edge.fetch(`/_edge/blobs/${uniqueDigest()}`, GET)).status).toBe(503);
  });
});

it('a purge of a repository leaves the bytes, which others share, and says so', async () => {
  const { edge, blob, spent } = await createWarm(OPERATED);
  for (const target of [blob.name, `${blob.name}@${blob.digest}`]) {
    expect(await (await purge(edge, target)).json()).toMatchObject({ bytes: 'kept' });
  }
  expect(spent()).toEqual([]);
  expect(await (await purge(createEdge({ ADMIN_TOKEN }), blob.name)).json()).not.toHaveProperty('bytes');
});
