import { describe, expect, it } from 'vitest';
import { clearsOf, DELETE } from '../../support/deletes.ts';
import { uniqueDigest } from '../../support/digests.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { pushBlob, rig } from '../../support/push.ts';

/** How often both link sets are marked or cleared. */
type Times = 0 | 1 | 2;

describe('the edge marks or clears both link sets', () => {
  it.each<[number, string, Times]>([
    [202, 'a caller with a grant', 2],
    [202, 'a stranger to the HEAD', 1],
    [204, 'a caller with a grant', 2],
    [404, 'a caller with a grant', 2],
    [404, 'a stranger', 0],
    [401, 'a caller with a grant', 1],
    [401, 'a stranger', 0],
    [403, 'a caller with a grant', 1],
    [403, 'a stranger', 0],
    [405, 'a caller with a grant', 1],
    [405, 'a stranger', 0],
    [307, 'a stranger', 0],
    [408, 'a caller with a grant', 2],
    [408, 'a stranger', 0],
    [504, 'a caller with a grant', 2],
    [504, 'a stranger', 0],
  ])('after a DELETE that the origin answers with %i, by %s: %i times', async (status, who, times) => {
    const { name } = await pushBlob();
    const path = `/v2/${name}/blobs/${uniqueDigest()}`;
    const edge = createEdge();
    if (who === 'a caller with a grant') await earnGrant(edge, { name }, DELETE.headers);
    // The probe decides nothing.
    for (const method of ['HEAD', 'GET']) await rig.rule({ prefix: path, method, status: 405 });
    await rig.rule({ prefix: path, method: 'DELETE', status, headers: { location: '/elsewhere' } });
    expect((await edge.fetch(path, DELETE)).status).toBe(status);
    expect(clearsOf(edge)).toEqual(Array(2 * times).fill(expect.stringMatching(/ done$/)));
  });
});

describe('a DELETE without a credential, of public content', () => {
  it.each([401, 403, 405, 408, 504])('clears nothing where the origin answers %i', async (status) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'DELETE', status });
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(200);
    expect((await edge.fetch(blob.path, { method: 'DELETE' })).status).toBe(status);
    expect(cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD' }))).toContain('; hit');
  });

  it('writes a tombstone once the origin has let such a caller delete', async () => {
    const [one, other] = [await pushBlob(), await pushBlob()];
    const edge = createEdge();
    expect((await edge.fetch(one.path, { method: 'DELETE' })).status).toBe(202);
    await edge.fetch(other.path, { method: 'HEAD' });
    await rig.rule({ prefix: other.path, method: 'DELETE', status: 504 });
    await edge.fetch(other.path, { method: 'DELETE' });
    expect(cacheStatusOf(await edge.fetch(other.path, { method: 'HEAD' }))).not.toContain('; hit');
  });

  it('clears nothing where the origin answers with the page of a sign-on', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, { method: 'HEAD' });
    const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' };
    for (const method of ['DELETE', 'PUT']) await rig.rule({ prefix: `/v2/${blob.name}/`, method, ...page });
    const stranger = { headers: { authorization: 'Basic c3RyYW5nZXI6' } };
    await rig.rule({ prefix: blob.path, method: 'HEAD', unlessAuthorization: '', status: 401, times: 1 });
    expect((await edge.fetch(blob.path, { method: 'DELETE', ...stranger })).status).toBe(200);
    expect(cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD' }))).toContain('; hit');
  });
});
