import { describe, expect, it } from 'vitest';
import { someDigest } from '../../support/digests.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { grant } from '../../support/grant.ts';
import { pushBlob, rig } from '../../support/push.ts';

/** Both link sets. */
const ONCE = ['done', 'done'];
const TWICE = [...ONCE, ...ONCE];

describe('deleteContent: what is cleared, by the answer to the DELETE and whether the caller had a grant', () => {
  it.each<[number, string, boolean, readonly string[]]>([
    [202, 'granted', true, TWICE],
    [202, 'a stranger to the HEAD', false, ONCE],
    [204, 'granted', true, TWICE],
    [404, 'granted', true, TWICE],
    [404, 'a stranger', false, []],
    [401, 'granted', true, ONCE],
    [401, 'a stranger', false, []],
    [403, 'granted', true, ONCE],
    [403, 'a stranger', false, []],
    [405, 'granted', true, ONCE],
    [405, 'a stranger', false, []],
    [307, 'a stranger', false, []],
    [408, 'granted', true, TWICE],
    [408, 'a stranger', false, []],
    [504, 'granted', true, TWICE],
    [504, 'a stranger', false, []],
  ])('%i, %s', async (status, _who, isGranted, expected) => {
    const { name } = await pushBlob();
    const path = `/v2/${name}/blobs/${someDigest()}`;
    const edge = createEdge();
    const headers = { authorization: 'Basic ZGVsZXRlcjpzZWNyZXQ=' };
    if (isGranted) await grant(edge, { name }, headers);
    // Neither yes nor no.
    for (const method of ['HEAD', 'GET']) await rig.rule({ prefix: path, method, status: 405 });
    await rig.rule({ prefix: path, method: 'DELETE', status, headers: { location: '/elsewhere' } });
    expect((await edge.fetch(path, { method: 'DELETE', headers })).status).toBe(status);
    const clears = edge.log.flatMap((line) => {
      const { kind, outcome } = JSON.parse(line) as Record<string, string>;
      return kind === 'clear' || kind === 'markDeleting' ? [outcome] : [];
    });
    expect(clears).toEqual(expected);
  });
});

describe('deleteContent: a caller without a credential, of content that everybody may read', () => {
  it.each([401, 403, 405, 408, 504])('writes nothing where the origin answers %i', async (status) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'DELETE', status });
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(200);
    expect((await edge.fetch(blob.path, { method: 'DELETE' })).status).toBe(status);
    expect(cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD' }))).toContain('; hit');
  });

  it('buries like any other once the origin has let such a caller delete', async () => {
    const [one, other] = [await pushBlob(), await pushBlob()];
    const edge = createEdge();
    expect((await edge.fetch(one.path, { method: 'DELETE' })).status).toBe(202);
    await edge.fetch(other.path, { method: 'HEAD' });
    await rig.rule({ prefix: other.path, method: 'DELETE', status: 504 });
    await edge.fetch(other.path, { method: 'DELETE' });
    expect(cacheStatusOf(await edge.fetch(other.path, { method: 'HEAD' }))).not.toContain('; hit');
  });

  it('and the page of a sign-on delete nothing, and move no tag', async () => {
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
