import { describe, expect, it } from 'vitest';
import { createEdge } from '../../support/edge.ts';
import { rig } from '../../support/push.ts';
import { newManifest, type PushedManifest, pushManifest, UNCHECKED } from '../../support/pushManifest.ts';
import { putOf } from '../../support/uploading.ts';

const V1 = { IMMUTABLE_TAGS: 'v*' };

/** Sends a PUT. @returns its status, and what the origin got of it */
async function put(path: string, init: RequestInit, { questions }: PushedManifest, more: Record<string, string> = {}) {
  const before = (await questions()).length;
  const { status } = await createEdge({ ...V1, ...more }).fetch(path, init);
  return { status, puts: (await questions()).slice(before).filter((question) => question.startsWith('PUT')) };
}

describe('a tag of IMMUTABLE_TAGS that is set', () => {
  it.each<[string, (moved: PushedManifest) => string]>([
    ['the reference', ({ tagPath }) => tagPath],
    ['a tag besides a digest', ({ path }) => `${path}?tag=v1`],
    ['one of several', ({ path }) => `${path}?tag=new&tag=v1`],
    ['a tag besides another one', ({ name }) => `/v2/${name}/manifests/new?tag=v1`],
    ['an escaped one', ({ path }) => `${path}?%74ag=%761`],
    ['the reference, escaped', ({ name }) => `/v2/${name}/manifests/%761`],
  ])('moves by no push: %s', async (_how, pathOf) => {
    const old = await pushManifest({ tag: 'v1' });
    const moved = await newManifest({ name: old.name, tag: 'v1' });
    for (const more of [{}, UNCHECKED])
      expect(await put(pathOf(moved), putOf(moved), old, more)).toEqual({ status: 403, puts: [] });
  });

  it('moves by no push without a body', async () => {
    const old = await pushManifest({ tag: 'v1' });
    for (const more of [{}, UNCHECKED])
      expect(await put(old.tagPath, { method: 'PUT' }, old, more)).toEqual({ status: 403, puts: [] });
  });

  it('is set again to where it leads, and a new one is set', async () => {
    const old = await pushManifest({ tag: 'v1' });
    expect((await put(old.tagPath, putOf(old), old)).status).toBe(201);
    const next = await newManifest({ name: old.name, tag: 'v2' });
    expect((await put(next.tagPath, putOf(next), next)).status).toBe(201);
  });

  it('is asked for with the credential of the caller, whom the origin judges', async () => {
    const old = await pushManifest({ tag: 'v1' });
    const moved = await newManifest({ name: old.name, tag: 'v1' });
    await rig.rule({
      prefix: `/v2/${old.name}/`,
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="origin"' },
    });
    const answer = await createEdge(V1).fetch(old.tagPath, putOf(moved));
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="origin"']);
  });
});
