import { afterEach, describe, expect, it, vi } from 'vitest';
import { COSTS, type Cost } from '../../support/costs.ts';
import { createMeteredEdge, type MeteredEdge } from '../../support/metered.ts';
import { rig } from '../../support/push.ts';
import { newManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';
import { byChunkedPut, byMount, byPatches, byPost, byPut, newBlob, putOf, type Way } from '../../support/uploading.ts';

const NOTHING = COSTS.memory.warm;
/** A manifest's content: a value of KV, a SET of Redis. */
const CONTENT: Record<string, Cost> = {
  memory: NOTHING,
  kv: { storeRequests: 1, operations: { reads: 0, writes: 1 } },
  redis: { storeRequests: 1, operations: { reads: 0, writes: 1 } },
};
/** Where a tag led to, and where it leads now: in memory, or two scripts in Redis. */
const TAG: Record<string, Cost> = {
  memory: NOTHING,
  kv: NOTHING,
  redis: { storeRequests: 2, operations: { reads: 0, writes: 2 } },
};

const sum = (...costs: (Cost | undefined)[]): Cost => {
  const of = (number: (cost: Cost) => number) => costs.reduce((total, cost) => total + number(cost ?? NOTHING), 0);
  return {
    storeRequests: of(({ storeRequests }) => storeRequests),
    operations: { reads: of(({ operations }) => operations.reads), writes: of(({ operations }) => operations.writes) },
  };
};

/** What the origin is asked in a repository from now on, request by request. */
async function meterOf(name: string): Promise<() => Promise<string[]>> {
  const before = (await rig.requests(`/v2/${name}/`)).length;
  return async () => (await rig.requests(`/v2/${name}/`)).slice(before).map(({ method }) => method);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('what a push costs: $name', ({ name: store }) => {
  const { warm, writeBack } = COSTS[store];
  const edgeOf = (): MeteredEdge => createMeteredEdge(store);

  it.each<[string, Way, origin: string[], Cost]>([
    ['all at once: a write', byPost, ['POST'], writeBack],
    ['opened, then all at once: a write', byPut, ['POST', 'PUT'], writeBack],
    [
      'without a length: a HEAD of the origin, a look and a write',
      byChunkedPut,
      ['POST', 'PUT', 'HEAD'],
      sum(warm, writeBack),
    ],
    ['in pieces: the same', byPatches, ['POST', 'PATCH', 'PATCH', 'PUT', 'HEAD'], sum(warm, writeBack)],
    ['a mount: the same', byMount, ['POST', 'HEAD'], sum(warm, writeBack)],
  ])('a blob, %s', async (_what, upload, origin, cost) => {
    const blob = await newBlob();
    const edge = edgeOf();
    const asked = await meterOf(blob.name);
    await (await upload(edge, blob)).over;
    expect([await asked(), edge.spent()]).toEqual([origin, cost]);
  });

  it('a blob that is there already: a write', async () => {
    const blob = await newBlob();
    const edge = edgeOf();
    await (await byPut(edge, blob)).over;
    edge.spent();
    await (await byPut(edge, blob)).over;
    expect(edge.spent()).toEqual(writeBack);
  });

  it('a manifest by digest: a write for its descriptor, one for its content', async () => {
    const manifest = await newManifest();
    const edge = edgeOf();
    await edge.fetch(manifest.path, putOf(manifest));
    expect(edge.spent()).toEqual(sum(writeBack, CONTENT[store]));
    expect(await manifest.questions()).toEqual([`PUT ${manifest.digest}`]);
  });

  it('a manifest by tag: that, and in Redis two writes for the tag', async () => {
    const manifest = await newManifest();
    const edge = edgeOf();
    await edge.fetch(manifest.tagPath, putOf(manifest));
    expect(edge.spent()).toEqual(sum(writeBack, CONTENT[store], TAG[store]));
    expect(await manifest.questions()).toEqual(['PUT latest']);
  });

  it('what is refused: nothing, but the question whether the caller may read where nothing is proved', async () => {
    const [blob, manifest] = [await newBlob(), await newManifest({ bytes: 'no JSON' })];
    const edge = edgeOf();
    await rig.rule({ prefix: `/v2/${blob.name}/blobs/uploads/`, method: 'POST', status: 400 });
    await (await byPost(edge, blob)).over;
    expect((await edge.fetch(manifest.tagPath, putOf(manifest))).status).toBe(400);
    expect(edge.spent()).toEqual(NOTHING);
    expect(await manifest.questions()).toEqual(['PUT latest', 'HEAD latest']);
  });
});
