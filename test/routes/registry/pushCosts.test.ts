import { afterEach, describe, expect, it, vi } from 'vitest';
import { COSTS, type Cost, sumOf } from '../../../local/price/costs.ts';
import { confirmedLongAgo, headEach, newImage } from '../../support/commit.ts';
import { createMeteredEdge, type MeteredEdge } from '../../support/metered.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { newManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';
import {
  byChunkedPut,
  byMount,
  byPatch,
  byPatches,
  byPost,
  byPut,
  mountFrom,
  newBlob,
  putOf,
  type Way,
} from '../../support/uploading.ts';

const NOTHING = COSTS.memory.warm;
/** Counts the origin's requests in a repository. @returns what lists the methods of all later ones */
async function meterOrigin(name: string): Promise<() => Promise<string[]>> {
  const before = (await rig.requests(`/v2/${name}/`)).length;
  return async () => (await rig.requests(`/v2/${name}/`)).slice(before).map(({ method }) => method);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('what a push costs: $name', ({ name: store, like }) => {
  const { warm, writeBack, content, tag } = COSTS[like];
  const edgeOf = (): MeteredEdge => createMeteredEdge(store);

  it.each<[string, Way, origin: string[], Cost]>([
    ['in one request: a write', byPost, ['POST'], writeBack],
    ['opened, then in one request: a write', byPut, ['POST', 'PUT'], writeBack],
    ['without a length: a write', byChunkedPut, ['POST', 'PUT'], writeBack],
    ['in one PATCH: a write', byPatch, ['POST', 'PATCH', 'PUT'], writeBack],
    [
      'in pieces: a HEAD to the origin, a lookup and a write',
      byPatches,
      ['POST', 'PATCH', 'PATCH', 'PUT', 'HEAD'],
      sumOf(warm, writeBack),
    ],
    ['by a mount from a repository where the caller is not known: nothing', byMount, ['POST'], NOTHING],
  ])('a blob, %s', async (_what, upload, origin, cost) => {
    const blob = await newBlob();
    const edge = edgeOf();
    const methods = await meterOrigin(blob.name);
    await (await upload(edge, blob)).over;
    expect([await methods(), edge.spent()]).toEqual([origin, cost]);
  });

  it('a blob, by a mount from a repository where the caller is known: a lookup there, and a write', async () => {
    const from = await pushBlob();
    const blob = { ...(await newBlob()), digest: from.digest };
    const edge = edgeOf();
    await edge.send(from.path, { method: 'HEAD' }).over;
    edge.spent();
    const methods = await meterOrigin(blob.name);
    await mountFrom(edge, from, blob).over;
    expect([await methods(), edge.spent()]).toEqual([['POST'], sumOf(warm, writeBack)]);
  });

  it('a blob that exists already: a write', async () => {
    const blob = await newBlob();
    const edge = edgeOf();
    await (await byPut(edge, blob)).over;
    edge.spent();
    await (await byPut(edge, blob)).over;
    expect(edge.spent()).toEqual(writeBack);
  });

  it('a manifest by digest: a write for its descriptor and one for its content', async () => {
    const manifest = await newManifest();
    const edge = edgeOf();
    await edge.fetch(manifest.path, putOf(manifest));
    expect(edge.spent()).toEqual(sumOf(writeBack, content.write));
    expect(await manifest.questions()).toEqual([`PUT ${manifest.digest}`]);
  });

  it('a manifest by tag: the same as by digest, and in Redis two writes for the tag', async () => {
    const manifest = await newManifest();
    const edge = edgeOf();
    await edge.fetch(manifest.tagPath, putOf(manifest));
    expect(edge.spent()).toEqual(sumOf(writeBack, content.write, tag.push));
    expect(await manifest.questions()).toEqual(['PUT latest']);
  });

  it('the check of a manifest whose blobs are confirmed: one look for all', async () => {
    const { blobs, manifest } = await newImage(9);
    const edge = edgeOf();
    await headEach(edge, blobs);
    edge.spent();
    await edge.fetch(manifest.path, putOf(manifest));
    const look = { ...warm, operations: { reads: blobs.length * warm.operations.reads, writes: 0 } };
    expect(edge.spent()).toEqual(sumOf(look, writeBack, content.write));
    expect(await manifest.questions()).toEqual([`PUT ${manifest.digest}`]);
  });

  it('the check of a manifest whose blobs are not confirmed: a question and a write for each in addition', async () => {
    const image = await newImage(9);
    const { blobs, manifest } = image;
    const edge = edgeOf();
    await confirmedLongAgo(edge, image);
    edge.spent();
    const methods = await meterOrigin(manifest.name);
    await edge.fetch(manifest.path, putOf(manifest));
    const look = { ...warm, operations: { reads: blobs.length * warm.operations.reads, writes: 0 } };
    const { storeRequests, operations } = sumOf(look, ...blobs.map(() => writeBack), writeBack, content.write);
    const spent = edge.spent();
    expect(spent.operations).toEqual(operations);
    // A Durable Object gets what is written at the same time in one request.
    expect(spent.storeRequests).toBeLessThanOrEqual(storeRequests);
    expect((await methods()).sort()).toEqual([...blobs.map(() => 'HEAD'), 'PUT']);
  });

  it('a refused push: nothing, but a refused manifest asks the origin whether an unproven caller may read it', async () => {
    const [blob, manifest] = [await newBlob(), await newManifest({ bytes: 'no JSON' })];
    const edge = edgeOf();
    await rig.rule({ prefix: `/v2/${blob.name}/blobs/uploads/`, method: 'POST', status: 400 });
    await (await byPost(edge, blob)).over;
    expect((await edge.fetch(manifest.tagPath, putOf(manifest))).status).toBe(400);
    expect(edge.spent()).toEqual(NOTHING);
    expect(await manifest.questions()).toEqual(['PUT latest', 'HEAD latest']);
  });
});
