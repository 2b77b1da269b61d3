import { describe, expect, it } from 'vitest';
import { DOWN, slowStores } from '../../support/brokenStores.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { grant } from '../../support/grant.ts';
import { blobOf, type Pushed, pushBlob, rig } from '../../support/push.ts';
import type { Rule } from '../../support/rig.ts';
import { SHARED_STORES, STORES } from '../../support/stores.ts';
import {
  byChunkedPut,
  byPost,
  byPut,
  methodsAbout,
  newBlob,
  type Way,
  whole,
  writesOf,
} from '../../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const MIB = 1_048_576;
const WHOLE: [string, Way][] = [
  ['POST and PUT', byPut],
  ['POST alone', byPost],
];

/** What a HEAD of the blob is answered with. */
async function head(edge: Edge, { path }: Pushed, headers: Record<string, string> = {}) {
  const response = await edge.fetch(path, { ...HEAD, headers });
  return {
    status: response.status,
    size: response.headers.get('content-length'),
    type: response.headers.get('content-type'),
    digest: response.headers.get('docker-content-digest'),
    cache: cacheStatusOf(response),
  };
}

const known = ({ digest, bytes }: Pushed, store: string) => ({
  status: 200,
  size: String(bytes.length),
  type: 'application/octet-stream',
  digest,
  cache: `registry-edge; hit; detail=${store}`,
});

describe.each(STORES)('an upload whose bytes all came in one request, cache in $name', ({ name: store, variables }) => {
  it.each(WHOLE)('is known before the reply, and nobody asks the origin: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await grant(edge, blob);
    const { answer, over } = await upload(edge, blob);
    expect((await answer).status).toBe(201);
    expect(writesOf(edge)).toEqual(['begun', 'done']);
    expect(await head(edge, blob)).toEqual(known(blob, store));
    await over;
    expect(writesOf(edge)).toEqual(['begun', 'done']);
    expect(await methodsAbout(blob)).toEqual([]);
  });

  it('is known by its SHA-512', async () => {
    const { name } = await newBlob();
    const blob = await blobOf('some bytes', name, 'sha512');
    const edge = createEdge(variables);
    await grant(edge, blob);
    await (await byPut(edge, blob)).over;
    expect([await head(edge, blob), await methodsAbout(blob)]).toEqual([known(blob, store), []]);
  });

  it('is known however its query is written, as docker writes it', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await grant(edge, blob);
    const query = `?_state=a%2Bb&digest=${encodeURIComponent(blob.digest)}`;
    const init = { method: 'POST', ...whole(blob.bytes) };
    await edge.fetch(`/v2/${blob.name}/blobs/uploads/${query}`, init);
    expect([await head(edge, blob), await methodsAbout(blob)]).toEqual([known(blob, store), []]);
  });

  it.each([
    ['the empty blob', ''],
    ['one of 1 MiB', 'x'.repeat(MIB)],
  ])('is known whatever its size: %s', async (_what, bytes) => {
    const blob = await newBlob(bytes);
    const edge = createEdge(variables);
    await grant(edge, blob);
    for (const [, upload] of WHOLE) await (await upload(edge, blob)).over;
    expect([await head(edge, blob), await methodsAbout(blob)]).toEqual([known(blob, store), []]);
  });

  it('earns no grant: who may push need not be one who may pull', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await (await byPut(edge, blob)).over;
    expect(writesOf(edge)).toEqual(['begun', 'done']);
    await rig.rule({ prefix: blob.path, status: 401, times: 1 });
    expect(await head(edge, blob)).toMatchObject({ status: 401, cache: null });
    expect(await head(edge, blob)).toMatchObject({ status: 200, cache: expect.stringContaining('detail=unproven') });
    expect(await head(edge, blob)).toEqual(known(blob, store));
    expect(await methodsAbout(blob)).toEqual(['HEAD', 'HEAD']);
  });

  it('is not brought back where it was deleted while the upload was under way', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await grant(edge, blob);
    await rig.rule({ prefix: blob.path, method: 'DELETE', status: 202 });
    const uploads = `/v2/${blob.name}/blobs/uploads/`;
    await rig.rule({ prefix: uploads, method: 'PUT', holdAs: blob.digest });
    const { answer, over } = await byPut(edge, blob);
    await expect.poll(async () => (await rig.requests(uploads)).map(({ method }) => method)).toContain('PUT');
    edge.clock.advance(1_000);
    expect((await edge.fetch(blob.path, { method: 'DELETE' })).status).toBe(202);
    edge.clock.advance(10_000);
    await rig.release(blob.digest);
    expect((await answer).status).toBe(201);
    await over;
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 404 });
    expect(await head(edge, blob)).toMatchObject({ status: 404 });
  });
});

describe.each(SHARED_STORES)('what an upload proved, in $name', ({ name: store, variables }) => {
  it('is known to every isolate', async () => {
    const blob = await newBlob();
    const [one, two] = [createEdge(variables), createEdge(variables)];
    await (await byPut(one, blob)).answer;
    await grant(two, blob);
    expect(await head(two, blob)).toEqual(known(blob, store));
    expect(await methodsAbout(blob)).toEqual([]);
  });
});

/** What a registry may answer to the end of an upload. */
const answered = (blob: Pushed, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${blob.name}/blobs/uploads/`, status: 201, headers: { location: blob.path }, ...rule });

/** Sends all of a blob's bytes, and finds that nothing was learnt. */
async function expectNothingLearnt(edge: Edge, blob: Pushed, query: string, headers: Record<string, string> = {}) {
  const init = { method: 'POST', ...whole(blob.bytes, headers) };
  const { answer, over } = edge.send(`/v2/${blob.name}/blobs/uploads/${query}`, init);
  const { status } = await answer;
  await over;
  expect([writesOf(edge), await methodsAbout(blob)]).toEqual([[], []]);
  await grant(edge, blob);
  await rig.rule({ prefix: blob.path, method: 'HEAD', status: 404 });
  expect(await head(edge, blob)).toMatchObject({ status: 404, cache: expect.stringContaining('fwd=miss') });
  return status;
}

describe.each(STORES)('an upload teaches nothing, and nobody is asked, cache in $name', ({ variables }) => {
  it.each<[string, (digest: string) => string]>([
    ['no digest', () => ''],
    ['one that is no digest', (digest) => `?digest=${digest.slice(0, -1)}`],
    ['two', (digest) => `?digest=${digest}&digest=${digest}`],
    ['one, of another registry', (digest) => `?digest=${digest}&ns=other.test`],
    ['one to upload and one to mount', (digest) => `?digest=${digest}&mount=${digest}`],
    ['one of an algorithm that the edge does not know', () => `?digest=blake3:${'0'.repeat(64)}`],
  ])('where its query names %s', async (_what, queryOf) => {
    const blob = await newBlob();
    await answered(blob, {});
    expect(await expectNothingLearnt(createEdge(variables), blob, queryOf(blob.digest))).toBe(201);
  });

  it.each([200, 202, 204, 307, 400, 401, 404, 413, 500, 503])('where it is answered with %i', async (status) => {
    const blob = await newBlob();
    await answered(blob, { status });
    expect(await expectNothingLearnt(createEdge(variables), blob, `?digest=${blob.digest}`)).toBe(status);
  });

  it('where a mount is a 202: the client is to upload it', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    const query = `?mount=${blob.digest}&from=${encodeURIComponent('some/where')}`;
    expect(await expectNothingLearnt(edge, { ...blob, bytes: '' }, query)).toBe(202);
  });

  it.each([
    ['age', '1'],
    ['cache-status', 'other; hit'],
    ['cf-cache-status', 'HIT'],
  ])('where a cache on the way answered: %s', async (header, value) => {
    const blob = await newBlob();
    await answered(blob, { headers: { location: blob.path, [header]: value } });
    expect(await expectNothingLearnt(createEdge(variables), blob, `?digest=${blob.digest}`)).toBe(201);
  });

  it.each(['cookie', 'x-gitlab-token', 'cf-access-jwt-assertion'])(
    'where the caller shows another identity: %s',
    async (header) => {
      const blob = await newBlob();
      await answered(blob, {});
      const query = `?digest=${blob.digest}`;
      expect(await expectNothingLearnt(createEdge(variables), blob, query, { [header]: 'a=b' })).toBe(201);
    },
  );

  it('where nothing that is kept could be used', async () => {
    const blob = await newBlob();
    await answered(blob, {});
    const edge = createEdge({ ...variables, PUSH_EXISTENCE_TTL: '0', DESCRIPTOR_TTL: '0', STALE_IF_ERROR: '0' });
    const init = { method: 'POST', ...whole(blob.bytes) };
    await edge.fetch(`/v2/${blob.name}/blobs/uploads/?digest=${blob.digest}`, init);
    expect([writesOf(edge), await methodsAbout(blob)]).toEqual([[], []]);
  });
});

describe.each(DOWN)('an upload, where %s fails', (_store, variables, options) => {
  it.each([...WHOLE, ['in chunks', byChunkedPut] as const])('succeeds all the same: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables, options);
    const { answer, over } = await upload(edge, blob);
    expect((await answer).status).toBe(201);
    await over;
    expect(writesOf(edge)).toEqual(['begun', 'fault']);
    expect((await edge.fetch(blob.path)).status).toBe(200);
  });
});

describe.each(slowStores())('an upload, where %s is slow', (_store, variables, options) => {
  it.each(WHOLE)('is answered before the store has taken it, which it does later: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables, options);
    const { answer, over } = await upload(edge, blob);
    expect((await answer).status).toBe(201);
    expect(writesOf(edge).filter((outcome) => outcome !== 'begun')).toEqual([]);
    await over;
    expect(writesOf(edge)).toEqual(['begun', 'done']);
  });
});

describe('an upload of what is there already', () => {
  it('renews what is known of it', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '5m' });
    await edge.fetch(blob.path, HEAD);
    edge.clock.advance(299_000);
    await (await byPut(edge, blob)).over;
    edge.clock.advance(299_000);
    await grant(edge, blob);
    expect(await head(edge, blob)).toMatchObject({ cache: 'registry-edge; hit; detail=kv' });
  });
});
