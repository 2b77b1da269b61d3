import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { newManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { putOf } from '../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const SECOND_HAND: [string, Record<string, string>][] = [
  ['Age', { age: '1' }],
  ['CF-Cache-Status', { 'cf-cache-status': 'HIT' }],
  ['Cache-Status', { 'cache-status': 'other; hit' }],
];

const NOT_THE_REGISTRY = [...SECOND_HAND, ['the page of a sign-on', { 'content-type': 'text/html' }] as const];

const sized = ({ bytes }: Pushed, more: Record<string, string> = {}) => ({
  'content-length': String(bytes.length),
  'content-type': 'application/octet-stream',
  ...more,
});

describe('a GET of a blob', () => {
  it.each(NOT_THE_REGISTRY)('earns no grant if another than the registry answered it: %s', async (_what, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'GET', status: 200, headers: sized(blob, headers), body: blob.bytes });
    expect((await edge.fetch(blob.path)).status).toBe(200);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('unproven');
  });

  it.each(NOT_THE_REGISTRY)(
    'is not written back if another than the registry answered it: %s',
    async (_what, headers) => {
      const blob = await pushBlob();
      const edge = createEdge();
      await rig.rule({
        prefix: blob.path,
        method: 'GET',
        status: 200,
        headers: sized(blob, headers),
        body: blob.bytes,
      });
      expect(cacheStatusOf(await edge.fetch(blob.path))).toMatch(/registry-edge; fwd=bypass$/);
      await earnGrant(edge, blob);
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
    },
  );

  it('stores no descriptor and earns no grant if it has a query, which may ask for another registry', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const get = await edge.fetch(`${blob.path}?ns=docker.io`);
    expect([get.status, cacheStatusOf(get)]).toEqual([200, 'registry-edge; fwd=bypass; detail=ns']);
    const other = await pushBlob(undefined, blob.name);
    expect(cacheStatusOf(await edge.fetch(other.path, HEAD))).toContain('unproven');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
  });

  it('ends no grant if it has a query', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    const other = await pushBlob(undefined, blob.name);
    await rig.rule({ prefix: other.path, status: 403 });
    await edge.fetch(`${other.path}?ns=docker.io`);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });
});

describe('a redirected HEAD of a blob', () => {
  it.each(SECOND_HAND)(
    'confirms nothing if a cache answered for the target, even to a caller with a grant: %s',
    async (_what, headers) => {
      const blob = await pushBlob();
      const edge = createEdge();
      await earnGrant(edge, blob);
      const storage = createScriptedServer({ headers: sized(blob, headers) });
      await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage.url } });
      for (let n = 0; n < 2; n++) {
        const response = await edge.fetch(blob.path, HEAD);
        expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=miss']);
      }
    },
  );

  it.each(SECOND_HAND)(
    'confirms nothing if a cache answered for the origin, even if the target itself answered: %s',
    async (_what, headers) => {
      const blob = await pushBlob();
      const edge = createEdge();
      await earnGrant(edge, blob);
      const storage = createScriptedServer({ headers: sized(blob) });
      await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage.url, ...headers } });
      for (let n = 0; n < 2; n++) {
        expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss');
      }
    },
  );

  it('confirms the blob if no cache answered on the way', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await earnGrant(edge, blob);
    const storage = createScriptedServer({ headers: sized(blob, { age: '0', 'cache-status': 'other; fwd=miss' }) });
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage.url } });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });
});

describe('a follower', () => {
  it('does not get what a cache on the way answered the leader', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const rule = { status: 200, headers: sized(blob, { age: '1' }), holdAs: blob.digest, times: 1 };
    await rig.rule({ prefix: blob.path, method: 'HEAD', ...rule });
    const leader = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    const follower = edge.send(blob.path, HEAD);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await rig.release(blob.digest);
    expect(cacheStatusOf(await leader.answer)).toBe('registry-edge; fwd=miss; detail=unproven');
    expect(cacheStatusOf(await follower.answer)).not.toContain('collapsed');
    expect(await blob.asked()).toBe(2);
    await Promise.all([leader.over, follower.over]);
  });
});

describe('a push of a tag that never moves', () => {
  it.each(SECOND_HAND)('waits until the registry itself says that the tag is new: %s', async (_what, headers) => {
    const manifest = await newManifest({ tag: 'v1' });
    const edge = createEdge({ IMMUTABLE_TAGS: 'v*' });
    await rig.rule({ prefix: manifest.tagPath, method: 'HEAD', status: 404, headers, times: 1 });
    const put = async () => (await edge.fetch(manifest.tagPath, putOf(manifest))).status;
    expect([await put(), await put()]).toEqual([502, 201]);
  });
});
