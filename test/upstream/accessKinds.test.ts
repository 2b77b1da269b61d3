import { describe, expect, it } from 'vitest';
import type { AnswerKind } from '../../src/access/authorizer.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import { pushBlob, rig } from '../support/push.ts';
import { asking, pushManifest } from '../support/pushManifest.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const ROBOT = { authorization: 'Basic cm9ib3Q6c2VjcmV0' };

/** A manifest and a blob in one repository, which the edge knows: Alice has read both. */
async function known() {
  const manifest = await pushManifest();
  const blob = await pushBlob(undefined, manifest.name);
  const edge = createEdge();
  for (const path of [blob.path, manifest.path]) {
    for (const method of ['HEAD', 'GET'] as const) await edge.fetch(path, asking(method, manifest.mediaType, ALICE));
  }
  /** A request of each kind that the cache could answer. */
  const requests: [AnswerKind, string, RequestInit][] = [
    ['HEAD blobs', blob.path, asking('HEAD', null, ROBOT)],
    ['GET blobs', blob.path, asking('GET', null, { ...ROBOT, 'if-none-match': blob.digest })],
    ['HEAD manifests', manifest.path, asking('HEAD', manifest.mediaType, ROBOT)],
    ['GET manifests', manifest.path, asking('GET', manifest.mediaType, ROBOT)],
  ];
  return { edge, name: manifest.name, blob, manifest, requests };
}

describe('a proof of access', () => {
  it.each<[AnswerKind, AnswerKind[]]>([
    ['HEAD blobs', ['HEAD blobs']],
    ['GET blobs', ['HEAD blobs', 'GET blobs']],
    ['HEAD manifests', ['HEAD manifests']],
    ['GET manifests', ['HEAD manifests', 'GET manifests']],
  ])('by %s answers %j from the cache, and no other kind', async (proof, answered) => {
    const { edge, name, requests } = await known();
    await grant(edge, { name }, ROBOT, [proof]);
    // What the origin refuses the cache must not give.
    await rig.rule({ prefix: `/v2/${name}/`, unlessAuthorization: ALICE.authorization, status: 403 });
    const hits: string[] = [];
    for (const [kind, path, init] of requests) {
      const response = await edge.fetch(path, init);
      if (cacheStatusOf(response)?.includes('; hit')) hits.push(kind);
      else {
        expect([kind, response.status, cacheStatusOf(response)]).toEqual([kind, 403, null]);
        // The refusal has ended what was proved.
        await rig.forget(`/v2/${name}/`);
        await grant(edge, { name }, ROBOT, [proof]);
        await rig.rule({ prefix: `/v2/${name}/`, unlessAuthorization: ALICE.authorization, status: 403 });
      }
    }
    expect(hits).toEqual(answered);
  });

  it.each<[string, string, RequestInit]>([
    ['the list of tags', 'tags/list', {}],
    ['a page of it', 'tags/list?n=1', {}],
    ['referrers', `referrers/sha256:${'a'.repeat(64)}`, {}],
    ['an extension', 'manifests/blake3:abcd', {}],
    ['an upload’s session', 'blobs/uploads/1', {}],
    ['an upload', 'blobs/uploads/', { method: 'POST' }],
    ['a manifest’s PUT', 'manifests/latest', { method: 'PUT', body: '{}' }],
    ['a mount', `blobs/uploads/?mount=sha256:${'a'.repeat(64)}&from=a`, { method: 'POST' }],
  ])('is none: %s', async (_what, target, init) => {
    const { edge, name, requests } = await known();
    const path = `/v2/${name}/${target}`;
    await rig.rule({ prefix: path.replace(/\?.*/, ''), status: 200, body: '{}' });
    expect((await edge.fetch(path, { ...init, headers: ROBOT })).status).toBe(200);
    await rig.rule({ prefix: `/v2/${name}/`, unlessAuthorization: ALICE.authorization, status: 403 });
    for (const [kind, at, question] of requests) {
      const response = await edge.fetch(at, question);
      expect([kind, response.status, cacheStatusOf(response)]).toEqual([kind, 403, null]);
    }
  });

  it.each([
    { status: 307, headers: { location: 'https://storage.test/x' } },
    { status: 404 },
    { status: 500 },
    { status: 200, headers: { age: '1' } },
    { status: 200, headers: { age: '3, 3' } },
    { status: 200, headers: { 'cf-cache-status': 'HIT' } },
    { status: 200, headers: { 'cf-cache-status': 'hit' } },
    { status: 200, headers: { 'cache-status': 'x; hit=?1' } },
    { status: 200, headers: { 'cache-status': 'other-edge; hit; detail=kv' } },
    { status: 200, headers: { 'content-type': 'text/html' } },
  ])('is none: a redirect, a failure, an answer out of a cache on the way, a page: %j', async (rule) => {
    const { edge, name, requests } = await known();
    const path = `/v2/${name}/blobs/sha256:${'b'.repeat(64)}`;
    await rig.rule({ prefix: path, ...rule });
    for (const method of ['HEAD', 'GET']) await edge.fetch(path, { method, headers: ROBOT });
    const [[, at = '', question] = []] = requests;
    expect(cacheStatusOf(await edge.fetch(at, question))).toContain('unproven');
  });

  it('ends with any refusal of this caller in this repository', async () => {
    const { edge, name, requests } = await known();
    await grant(edge, { name }, ROBOT);
    const path = `/v2/${name}/blobs/sha256:${'c'.repeat(64)}`;
    await rig.rule({ prefix: path, status: 403 });
    expect((await edge.fetch(path, asking('HEAD', null, ROBOT))).status).toBe(403);
    for (const [, at, question] of requests) {
      expect(cacheStatusOf(await edge.fetch(at, question))).not.toContain('; hit');
    }
  });
});
