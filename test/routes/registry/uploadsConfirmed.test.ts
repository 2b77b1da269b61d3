import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { STORES } from '../../support/stores.ts';
import {
  byChunkedPut,
  byLastPiece,
  byPatch,
  byPatches,
  byPost,
  byPut,
  methodsAbout,
  newBlob,
  type Way,
  writeBacksOf,
} from '../../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const MIB = 1_048_576;
const UNPROVEN: [string, Way][] = [
  ['PATCHes and an empty PUT', byPatches],
  ['PATCHes and a PUT with the last piece', byLastPiece],
];

/** Sends a HEAD of the blob. @returns its size and its Cache-Status */
async function head(edge: Edge, { path }: Pushed): Promise<[string | null, string | null]> {
  const response = await edge.fetch(path, HEAD);
  return [response.headers.get('content-length'), cacheStatusOf(response)];
}

const hit = ({ bytes }: Pushed, store: string) => [String(bytes.length), `registry-edge; hit; detail=${store}`];

describe.each(STORES)('an upload that does not prove its content, cache in $name', ({ name: store, variables }) => {
  it.each(UNPROVEN)('is confirmed by one HEAD after the reply: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    await rig.rule({ prefix: blob.path, method: 'HEAD', holdAs: blob.digest, times: 1 });
    const { answer, over } = await upload(edge, blob);
    expect((await answer).status).toBe(201);
    expect(writeBacksOf(edge)).toEqual([]);
    await rig.release(blob.digest);
    await over;
    expect(writeBacksOf(edge)).toEqual(['begun', 'done']);
    expect(await head(edge, blob)).toEqual(hit(blob, store));
    expect(await methodsAbout(blob)).toEqual(['HEAD']);
  });

  it.each(UNPROVEN)('earns a grant by that HEAD: %s', async (_what, upload) => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await (await upload(edge, blob)).over;
    expect(await head(edge, blob)).toEqual(hit(blob, store));
    expect(await methodsAbout(blob)).toEqual(['HEAD']);
  });

  it.each(UNPROVEN)('shares that HEAD with the client that asks at once: %s', async (_what, upload) => {
    for (const isGranted of [true, false]) {
      const blob = await newBlob();
      const edge = createEdge(variables);
      if (isGranted) await earnGrant(edge, blob);
      await rig.rule({ prefix: blob.path, method: 'HEAD', delayMs: 200 });
      const { answer, over } = await upload(edge, blob);
      expect((await answer).status).toBe(201);
      const own = await edge.fetch(blob.path, HEAD);
      await over;
      expect([own.status, own.headers.get('content-length')]).toEqual([200, String(blob.bytes.length)]);
      expect(cacheStatusOf(own)).toContain('; collapsed');
      expect(await methodsAbout(blob)).toEqual(['HEAD']);
    }
  });

  it.each([401, 403, 404, 429, 500])(
    'is not stored, nor asked for again, if the HEAD is answered %i',
    async (status) => {
      const blob = await newBlob();
      const edge = createEdge(variables);
      await rig.rule({ prefix: blob.path, method: 'HEAD', status, times: 1 });
      const { answer, over } = await byPatches(edge, blob);
      expect((await answer).status).toBe(201);
      await over;
      expect([writeBacksOf(edge), await methodsAbout(blob)]).toEqual([[], ['HEAD']]);
      expect((await head(edge, blob))[1]).toContain('detail=unproven');
    },
  );

  it('evicts nothing if a cache on the way answers the HEAD with 404, perhaps from before the upload', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    await edge.send(blob.path, HEAD).over;
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 404, headers: { age: '3' }, times: 1 });
    await (await byPatches(edge, blob)).over;
    expect(await head(edge, blob)).toEqual(hit(blob, store));
  });

  it('evicts what was stored of the blob if the HEAD is answered 404', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    await edge.send(blob.path, HEAD).over;
    expect(await head(edge, blob)).toEqual(hit(blob, store));
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 404 });
    await (await byPatches(edge, blob)).over;
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('is confirmed by a HEAD if it is larger than 1 MiB', async () => {
    const blob = await newBlob('x'.repeat(MIB + 1));
    for (const upload of [byPut, byPost, byChunkedPut, byPatch]) {
      const edge = createEdge({ ...variables, MEMORY_TTL: '0' });
      const before = (await methodsAbout(blob)).length;
      await (await upload(edge, blob)).over;
      expect(await head(edge, blob)).toEqual(hit(blob, store));
      expect((await methodsAbout(blob)).slice(before)).toEqual(['HEAD']);
    }
  });

  it.each<[string, (blob: Pushed, other: Pushed) => Record<string, string>]>([
    ['no Location', () => ({})],
    ['the Location of another blob', ({ path, digest }, other) => ({ location: path.replace(digest, other.digest) })],
    ['the Location of another repository', ({ path, name }, other) => ({ location: path.replace(name, other.name) })],
    ['the Location of the blob with a query', ({ path }) => ({ location: `${path}?ns=other.test` })],
    ['the Location of a manifest', ({ path }) => ({ location: path.replace('/blobs/', '/manifests/') })],
    ['an invalid Location', () => ({ location: 'https://[' })],
    [
      'another Docker-Content-Digest than the Location',
      ({ path }, other) => ({ location: path, 'docker-content-digest': other.digest }),
    ],
  ])('is asked for after an upload in one request if the origin names %s', async (_what, headersOf) => {
    const [blob, other] = [await newBlob(), await pushBlob()];
    const rule = { prefix: `/v2/${blob.name}/blobs/uploads/`, status: 201, headers: headersOf(blob, other) };
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    await rig.rule(rule);
    await (await byPost(edge, blob)).over;
    expect([writeBacksOf(edge), await methodsAbout(blob)]).toEqual([[], ['HEAD']]);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('is not revived if it was deleted while the HEAD was in progress', async () => {
    const blob = await newBlob();
    const edge = createEdge(variables);
    await earnGrant(edge, blob);
    const headers = { 'content-length': String(blob.bytes.length), 'docker-content-digest': blob.digest };
    const late = { method: 'HEAD', status: 200, headers, holdAs: blob.digest, times: 1 };
    await rig.rule({ prefix: blob.path, ...late });
    const { answer, over } = await byPatches(edge, blob);
    await answer;
    await expect.poll(() => methodsAbout(blob)).toEqual(['HEAD']);
    edge.clock.advance(1_000);
    expect((await edge.fetch(blob.path, { method: 'DELETE' })).status).toBe(202);
    edge.clock.advance(10_000);
    await rig.release(blob.digest);
    await over;
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });
});
