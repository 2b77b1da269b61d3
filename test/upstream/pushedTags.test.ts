import { describe, expect, it } from 'vitest';
import { createEdge, textOf } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { manifestRequest, newManifest, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { STORES } from '../support/stores.ts';
import { putOf } from '../support/uploading.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };

describe.each(STORES)('a tag that was just pushed, cache in $name', ({ variables }) => {
  /** Pushes a manifest by its tag. @returns what gets it by its tag: its bytes, and what the origin was asked */
  async function push() {
    const manifest = await newManifest();
    const edge = createEdge(variables);
    await earnGrant(edge, manifest);
    expect((await edge.fetch(manifest.tagPath, putOf(manifest))).status).toBe(201);
    const get = async (headers: Record<string, string> = {}, expected: Pick<PushedManifest, 'bytes'> = manifest) => {
      const before = (await manifest.questions()).length;
      const response = await edge.fetch(manifest.tagPath, manifestRequest('GET', manifest.mediaType, headers));
      expect([response.status, await textOf(response)]).toEqual([200, expected.bytes]);
      return (await manifest.questions()).slice(before).map((question) => question.split(' ')[0]);
    };
    return { edge, manifest, get };
  }

  it('is asked for by a HEAD, and its manifest is not fetched again', async () => {
    const { get } = await push();
    expect(await get()).toEqual(['HEAD']);
  });

  it('is fetched if it has moved meanwhile, past the edge', async () => {
    const { manifest, get } = await push();
    const other = await pushManifest({ name: manifest.name });
    expect(await get({}, other)).toEqual(['HEAD', 'GET']);
  });

  it('is fetched for a caller without a grant, to whom a HEAD would prove too little', async () => {
    const { get } = await push();
    expect(await get(ALICE)).toEqual(['GET']);
  });

  it('is fetched after five minutes', async () => {
    const { edge, manifest, get } = await push();
    edge.clock.advance(300_000);
    await earnGrant(edge, manifest);
    expect(await get()).toEqual(['GET']);
  });
});
