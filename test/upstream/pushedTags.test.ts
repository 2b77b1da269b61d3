import { describe, expect, it } from 'vitest';
import { createEdge, textOf } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import {
  DOCKER_MANIFEST,
  manifestRequest,
  newManifest,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
} from '../support/pushManifest.ts';
import { STORES } from '../support/stores.ts';
import { putOf } from '../support/uploading.ts';

const MIRROR = { CLIENT_AUTH: 'anonymous' };
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

describe.each(STORES)('a tag that was just pulled, cache in $name', ({ variables }) => {
  const OTHERS = [`${OCI_INDEX}, ${OCI_MANIFEST}`, `${OCI_MANIFEST}, ${DOCKER_MANIFEST}`];

  /** Gets a tag as callers who accept different types. @returns what the origin was asked for each of them */
  async function getAs(accepts: readonly string[], more: Record<string, string>, moves = false) {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...more });
    const questions: string[][] = [];
    for (const accept of accepts) {
      const { bytes } = moves && questions.length > 0 ? await pushManifest({ name: manifest.name }) : manifest;
      const before = (await manifest.questions()).length;
      const response = await edge.fetch(manifest.tagPath, manifestRequest('GET', accept));
      expect([response.status, await textOf(response)]).toEqual([200, bytes]);
      const asked = (await manifest.questions()).slice(before).map((question) => question.split(' ')[0] ?? '');
      questions.push(asked.filter((method) => method !== 'PUT'));
    }
    return questions;
  }

  it('counts as one pull at the origin of an open mirror, whatever types its callers accept', async () => {
    expect(await getAs([OCI_MANIFEST, ...OTHERS], MIRROR)).toEqual([['GET'], ['HEAD'], ['HEAD']]);
  });

  it('counts as one pull after a HEAD by the tag and a GET by the digest, as containerd pulls', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...MIRROR });
    await edge.fetch(manifest.tagPath, manifestRequest('HEAD'));
    await edge.fetch(manifest.path, manifestRequest('GET'));
    const [accept = ''] = OTHERS;
    const response = await edge.fetch(manifest.tagPath, manifestRequest('GET', accept));
    expect(await textOf(response)).toBe(manifest.bytes);
    const methods = (await manifest.questions()).map((question) => question.split(' ')[0]);
    expect(methods).toEqual(['HEAD', 'GET', 'HEAD']);
  });

  it('is fetched if it has moved meanwhile', async () => {
    expect(await getAs([OCI_MANIFEST, ...OTHERS], MIRROR, true)).toEqual([['GET'], ['HEAD', 'GET'], ['HEAD', 'GET']]);
  });

  it('is fetched by a GET alone where the origin judges its callers', async () => {
    expect(await getAs([OCI_MANIFEST, ...OTHERS], {})).toEqual([['GET'], ['GET'], ['GET']]);
  });
});
