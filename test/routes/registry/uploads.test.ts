import { describe, expect, it } from 'vitest';
import { FAILING_STORES, slowStores } from '../../support/brokenStores.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { blobOf, type Pushed, pushBlob, rig } from '../../support/push.ts';
import type { Rule } from '../../support/rig.ts';
import { SHARED_STORES, STORES } from '../../support/stores.ts';
import {
  byChunkedPut,
  byPatch,
  byPatches,
  byPost,
  byPut,
  methodsAbout,
  newBlob,
  type Way,
  withLength,
  writeBacksOf,
} from '../../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const MIB = 1_048_576;
const HASHED: [string, Way][] = [
  ['POST and PUT', byPut],
  ['POST only', byPost],
  ['POST and PUT without a length', byChunkedPut],
  ['POST, PATCH and an empty PUT', byPatch],
];

/** Sends a HEAD of the blob. */
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

const hitIn = ({ digest, bytes }: Pushed, store: string) => ({
  status: 200,
  size: String(bytes.length),
  type: 'application/octet-stream',
  digest,
  cache: `registry-edge; hit; detail=${store}`,
});

describe.each(STORES)('an upload of which all bytes were hashed, cache in $name', ({ name: store, variables }) => {
  it.each(HASHED)('is stored before the reply, without asking the origin: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    const { answer, over } = await upload(edge, blob);
    expect((await answer).status).toBe(201);
    expect(writeBacksOf(edge)).toEqual(['begun', 'done']);
    expect(await head(edge, blob)).toEqual(hitIn(blob, store));
    await over;
    expect(writeBacksOf(edge)).toEqual(['begun', 'done']);
    expect(await methodsAbout(blob)).toEqual([]);
  });

  it('is stored by its SHA-512', async () => {
    const { name } = await newBlob();
    const blob = await blobOf('some bytes', name, 'sha512');
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    await (await byPut(edge, blob)).over;
    expect([await head(edge, blob), await methodsAbout(blob)]).toEqual([hitIn(blob, store), []]);
  });

  it('is stored if its query is escaped, as docker does it', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    const query = `?_state=a%2Bb&digest=${encodeURIComponent(blob.digest)}`;
    const init = { method: 'POST', ...withLength(blob.bytes) };
    await edge.fetch(`/v2/${blob.name}/blobs/uploads/${query}`, init);
    expect([await head(edge, blob), await methodsAbout(blob)]).toEqual([hitIn(blob, store), []]);
  });

  it.each([
    ['the empty blob', ''],
    ['a blob of 1 MiB', 'x'.repeat(MIB)],
  ])('is stored up to 1 MiB: %s', async (_what, bytes) => {
    const blob = await newBlob(bytes);
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    for (const [, upload] of HASHED) await (await upload(edge, blob)).over;
    expect([await head(edge, blob), await methodsAbout(blob)]).toEqual([hitIn(blob, store), []]);
  });

  it('earns no grant, since a caller who may push may be refused a pull', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await (await byPut(edge, blob)).over;
    expect(writeBacksOf(edge)).toEqual(['begun', 'done']);
    await rig.rule({ prefix: blob.path, status: 401, times: 1 });
    expect(await head(edge, blob)).toMatchObject({ status: 401, cache: null });
    expect(await head(edge, blob)).toMatchObject({ status: 200, cache: expect.stringContaining('detail=unproven') });
    expect(await head(edge, blob)).toEqual(hitIn(blob, store));
    expect(await methodsAbout(blob)).toEqual(['HEAD', 'HEAD']);
  });

  it.each<[string, Way]>([
    ['PUT', byPut],
    ['PATCH and PUT', byPatch],
  ])('is not revived if it was deleted while the %s was in progress', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    await rig.rule({ prefix: blob.path, method: 'DELETE', status: 202 });
    const uploads = `/v2/${blob.name}/blobs/uploads/`;
    await rig.rule({ prefix: uploads, method: 'PUT', holdAs: blob.digest });
    const { answer, over } = await upload(edge, blob);
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

describe.each(SHARED_STORES)('a blob that an upload proved, cache in $name', ({ name: store, variables }) => {
  it('is served by every isolate', async () => {
    const blob = await newBlob();
    const [one, two] = [createEdge(variables), createEdge(variables)];
    await (await byPut(one, blob)).answer;
    await earnGrant(two, blob);
    expect(await head(two, blob)).toEqual(hitIn(blob, store));
    expect(await methodsAbout(blob)).toEqual([]);
  });
});

/** Makes the origin answer the end of an upload like this. */
const answerUpload = (blob: Pushed, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${blob.name}/blobs/uploads/`, status: 201, headers: { location: blob.path }, ...rule });

/** Uploads a blob in one request, and expects nothing to be stored. @returns the status of the upload */
async function expectNothingStored(edge: Edge, blob: Pushed, query: string, headers: Record<string, string> = {}) {
  const init = { method: 'POST', ...withLength(blob.bytes, headers) };
  const { answer, over } = edge.send(`/v2/${blob.name}/blobs/uploads/${query}`, init);
  const { status } = await answer;
  await over;
  expect([writeBacksOf(edge), await methodsAbout(blob)]).toEqual([[], []]);
  await earnGrant(edge, blob);
  await rig.rule({ prefix: blob.path, method: 'HEAD', status: 404 });
  expect(await head(edge, blob)).toMatchObject({ status: 404, cache: expect.stringContaining('fwd=miss') });
  return status;
}

describe.each(STORES)('an upload stores nothing and asks the origin nothing, cache in $name', ({ variables }) => {
  it.each<[string, (digest: string) => string]>([
    ['no digest', () => ''],
    ['an invalid digest', (digest) => `?digest=${digest.slice(0, -1)}`],
    ['two digests', (digest) => `?digest=${digest}&digest=${digest}`],
    ['a digest and another registry', (digest) => `?digest=${digest}&ns=other.test`],
    ['one digest to upload and one to mount', (digest) => `?digest=${digest}&mount=${digest}`],
    ['a foreign digest', () => `?digest=blake3:${'0'.repeat(64)}`],
  ])('if its query names %s', async (_what, queryOf) => {
    const blob = await newBlob();
    await answerUpload(blob, {});
    expect(await expectNothingStored(createEdge(variables), blob, queryOf(blob.digest))).toBe(201);
  });

  it.each([200, 202, 204, 307, 400, 401, 404, 413, 500, 503])('if it is answered %i', async (status) => {
    const blob = await newBlob();
    await answerUpload(blob, { status });
    expect(await expectNothingStored(createEdge(variables), blob, `?digest=${blob.digest}`)).toBe(status);
  });

  it('if it is a mount that is answered 202, after which the client has to upload the blob', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    const query = `?mount=${blob.digest}&from=${encodeURIComponent('some/where')}`;
    expect(await expectNothingStored(edge, { ...blob, bytes: '' }, query)).toBe(202);
  });

  it.each([
    ['age', '1'],
    ['cache-status', 'other; hit'],
    ['cf-cache-status', 'HIT'],
  ])('if a cache on the way answered: %s', async (header, value) => {
    const blob = await newBlob();
    await answerUpload(blob, { headers: { location: blob.path, [header]: value } });
    expect(await expectNothingStored(createEdge(variables), blob, `?digest=${blob.digest}`)).toBe(201);
  });

  it.each(['cookie', 'x-gitlab-token', 'cf-access-jwt-assertion'])(
    'if the caller has another identity: %s',
    async (header) => {
      const blob = await newBlob();
      await answerUpload(blob, {});
      const query = `?digest=${blob.digest}`;
      expect(await expectNothingStored(createEdge(variables), blob, query, { [header]: 'a=b' })).toBe(201);
    },
  );

  it('if the configuration would never use a stored entry', async () => {
    const blob = await newBlob();
    await answerUpload(blob, {});
    const edge = createEdge({ ...variables, PUSH_EXISTENCE_TTL: '0' });
    const init = { method: 'POST', ...withLength(blob.bytes) };
    await edge.fetch(`/v2/${blob.name}/blobs/uploads/?digest=${blob.digest}`, init);
    expect([writeBacksOf(edge), await methodsAbout(blob)]).toEqual([[], []]);
  });
});

describe.each(FAILING_STORES)('an upload, while %s fails', (_store, variables, options) => {
  it.each([...HASHED, ['PATCHes and an empty PUT', byPatches] as const])('succeeds: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables, options);
    const { answer, over } = await upload(edge, blob);
    expect((await answer).status).toBe(201);
    await over;
    expect(writeBacksOf(edge)).toEqual(['begun', 'fault']);
    expect((await edge.fetch(blob.path)).status).toBe(200);
  });
});

describe.each(slowStores())('an upload, while %s is slow', (_store, variables, options) => {
  it.each(HASHED)('is answered before the write to the store is done: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables, options);
    const { answer, over } = await upload(edge, blob);
    expect((await answer).status).toBe(201);
    expect(writeBacksOf(edge).filter((outcome) => outcome !== 'begun')).toEqual([]);
    await over;
    expect(writeBacksOf(edge)).toEqual(['begun', 'done']);
  });
});

describe('an upload of a blob that exists', () => {
  it('renews its entry', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '5m' });
    await edge.fetch(blob.path, HEAD);
    edge.clock.advance(299_000);
    await (await byPut(edge, blob)).over;
    edge.clock.advance(299_000);
    await earnGrant(edge, blob);
    expect(await head(edge, blob)).toMatchObject({ cache: 'registry-edge; hit; detail=durable' });
  });
});
