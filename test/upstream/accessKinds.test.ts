import { describe, expect, it } from 'vitest';
import type { AnswerKind } from '../../src/access/authorizer.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const ROBOT = { authorization: 'Basic cm9ib3Q6c2VjcmV0' };

/** Makes an edge that has a manifest and a blob of one repository in its cache, because Alice has read both. */
async function createWarmEdge() {
  const manifest = await pushManifest();
  const blob = await pushBlob(undefined, manifest.name);
  const edge = createEdge();
  for (const path of [blob.path, manifest.path]) {
    for (const method of ['HEAD', 'GET'] as const)
      await edge.fetch(path, manifestRequest(method, manifest.mediaType, ALICE));
  }
  /** A request of each kind that the cache could answer. */
  const requests: [AnswerKind, string, RequestInit][] = [
    ['HEAD blobs', blob.path, manifestRequest('HEAD', null, ROBOT)],
    ['GET blobs', blob.path, manifestRequest('GET', null, { ...ROBOT, 'if-none-match': blob.digest })],
    ['HEAD manifests', manifest.path, manifestRequest('HEAD', manifest.mediaType, ROBOT)],
    ['GET manifests', manifest.path, manifestRequest('GET', manifest.mediaType, ROBOT)],
  ];
  return { edge, name: manifest.name, blob, manifest, requests };
}

describe('a proof of access', () => {
  it.each<[AnswerKind, AnswerKind[]]>([
    ['HEAD blobs', ['HEAD blobs']],
    ['GET blobs', ['HEAD blobs', 'GET blobs']],
    ['HEAD manifests', ['HEAD manifests']],
    ['GET manifests', ['HEAD manifests', 'GET manifests']],
  ])('by %s lets the cache answer %j, and no other kind', async (proof, expected) => {
    const { edge, name, requests } = await createWarmEdge();
    await earnGrant(edge, { name }, ROBOT, [proof]);
    // The cache must not give what the origin refuses.
    await rig.rule({ prefix: `/v2/${name}/`, unlessAuthorization: ALICE.authorization, status: 403 });
    const hits: string[] = [];
    for (const [kind, path, init] of requests) {
      const response = await edge.fetch(path, init);
      if (cacheStatusOf(response)?.includes('; hit')) hits.push(kind);
      else {
        expect([kind, response.status, cacheStatusOf(response)]).toEqual([kind, 403, null]);
        // The refusal has revoked the grants.
        await rig.forget(`/v2/${name}/`);
        await earnGrant(edge, { name }, ROBOT, [proof]);
        await rig.rule({ prefix: `/v2/${name}/`, unlessAuthorization: ALICE.authorization, status: 403 });
      }
    }
    expect(hits).toEqual(expected);
  });

  it.each<[string, string, RequestInit]>([
    ['a list of tags', 'tags/list', {}],
    ['a page of tags', 'tags/list?n=1', {}],
    ['referrers', `referrers/sha256:${'a'.repeat(64)}`, {}],
    ['an extension', 'manifests/blake3:abcd', {}],
    ['a GET of an upload session', 'blobs/uploads/1', {}],
    ['a POST of an upload', 'blobs/uploads/', { method: 'POST' }],
    ['a PUT of a manifest', 'manifests/latest', { method: 'PUT', body: '{}' }],
    ['a mount', `blobs/uploads/?mount=sha256:${'a'.repeat(64)}&from=a`, { method: 'POST' }],
  ])('is not given by an answer to %s', async (_what, target, init) => {
    const { edge, name, requests } = await createWarmEdge();
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
  ])('is not given by a redirect, a failure, a cached answer or a page: %j', async (rule) => {
    const { edge, name, requests } = await createWarmEdge();
    const path = `/v2/${name}/blobs/sha256:${'b'.repeat(64)}`;
    await rig.rule({ prefix: path, ...rule });
    for (const method of ['HEAD', 'GET']) await edge.fetch(path, { method, headers: ROBOT });
    const [[, at = '', question] = []] = requests;
    expect(cacheStatusOf(await edge.fetch(at, question))).toContain('unproven');
  });

  it('ends with any refusal of the caller in the repository', async () => {
    const { edge, name, requests } = await createWarmEdge();
    await earnGrant(edge, { name }, ROBOT);
    const path = `/v2/${name}/blobs/sha256:${'c'.repeat(64)}`;
    await rig.rule({ prefix: path, status: 403 });
    expect((await edge.fetch(path, manifestRequest('HEAD', null, ROBOT))).status).toBe(403);
    for (const [, at, question] of requests) {
      expect(cacheStatusOf(await edge.fetch(at, question))).not.toContain('; hit');
    }
  });
});
