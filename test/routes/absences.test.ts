import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import { pushBlob, rig } from '../support/push.ts';
import { asking, OCI_INDEX, pushManifest, STORES } from '../support/pushManifest.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const BOB = { authorization: 'Basic Ym9iOnNlY3JldA==' };

describe.each(STORES)('a 404 by digest, cache in %s', (_store, variables) => {
  it.each([
    ['HEAD', 'blobs'],
    ['GET', 'blobs'],
    ['HEAD', 'manifests'],
    ['GET', 'manifests'],
  ] as const)('to a %s of %s by a caller of whom nothing is proved evicts once something is', async (method, links) => {
    const edge = createEdge(variables);
    const manifest = await pushManifest();
    const blob = await pushBlob(undefined, manifest.name);
    const { path } = links === 'blobs' ? blob : manifest;
    const head = (caller: Record<string, string>) => edge.fetch(path, asking('HEAD', manifest.mediaType, caller));
    await head(ALICE);
    expect(cacheStatusOf(await head(ALICE))).toContain('; hit');
    await fetch(inject('originUrl') + path, { method: 'DELETE' });
    expect((await edge.fetch(path, asking(method, manifest.mediaType, BOB))).status).toBe(404);
    // A stranger evicts nothing.
    expect(cacheStatusOf(await head(ALICE))).toContain('; hit');
    await grant(edge, blob, BOB, [`HEAD ${links}`]);
    expect([(await head(BOB)).status, (await head(ALICE)).status]).toEqual([404, 404]);
  });

  it('of which the type is none that the caller takes evicts nothing', async () => {
    const edge = createEdge(variables);
    const manifest = await pushManifest();
    const head = (accept: string, caller: Record<string, string>) =>
      edge.fetch(manifest.path, asking('HEAD', accept, caller));
    await head(manifest.mediaType, ALICE);
    await rig.rule({ prefix: manifest.path, status: 404, times: 1 });
    expect((await head(OCI_INDEX, BOB)).status).toBe(404);
    await grant(edge, manifest, BOB);
    for (const caller of [BOB, ALICE]) expect(cacheStatusOf(await head(manifest.mediaType, caller))).toContain('; hit');
  });

  it('to a caller who proves nothing within a minute evicts nothing', async () => {
    const edge = createEdge({ ...variables, PUSH_EXISTENCE_TTL: '5m' });
    const blob = await pushBlob();
    const head = (caller: Record<string, string>) => edge.fetch(blob.path, asking('HEAD', null, caller));
    await head(ALICE);
    await rig.rule({ prefix: blob.path, status: 404, times: 1 });
    expect((await head(BOB)).status).toBe(404);
    edge.clock.advance(60_000);
    await grant(edge, blob, BOB);
    expect(cacheStatusOf(await head(BOB))).toContain('; hit');
  });

  it('is never an answer of the cache', async () => {
    const edge = createEdge(variables);
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, status: 404, times: 2 });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) statuses.push((await edge.fetch(blob.path, asking('HEAD', null, BOB))).status);
    expect([statuses, await blob.asked()]).toEqual([[404, 404, 200], 3]);
  });
});
