import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { scripted } from '../support/scripted.ts';

const HEAD = { method: 'HEAD' };
const SECOND_HAND: [string, Record<string, string>][] = [
  ['Age', { age: '1' }],
  ['CF-Cache-Status', { 'cf-cache-status': 'HIT' }],
  ['Cache-Status', { 'cache-status': 'other; hit' }],
];

const sized = ({ bytes }: Pushed, more: Record<string, string> = {}) => ({
  'content-length': String(bytes.length),
  'content-type': 'application/octet-stream',
  ...more,
});

describe('learn: a GET that is passed through', () => {
  it.each(SECOND_HAND)('earns no grant when a cache on the way answers it: %s', async (_what, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'GET', status: 200, headers: sized(blob, headers), body: blob.bytes });
    expect((await edge.fetch(blob.path)).status).toBe(200);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('unproven');
  });

  it.each(SECOND_HAND)('is not written back when a cache on the way answers it: %s', async (_what, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'GET', status: 200, headers: sized(blob, headers), body: blob.bytes });
    expect(cacheStatusOf(await edge.fetch(blob.path))).toMatch(/registry-edge; fwd=bypass$/);
    await grant(edge, blob);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
  });

  it('teaches no descriptor and earns no grant with a query, which may ask another registry', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const get = await edge.fetch(`${blob.path}?ns=docker.io`);
    expect([get.status, cacheStatusOf(get)]).toEqual([200, 'registry-edge; fwd=bypass']);
    const other = await pushBlob(undefined, blob.name);
    expect(cacheStatusOf(await edge.fetch(other.path, HEAD))).toContain('unproven');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
  });

  it('ends no grant with a query either', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    const other = await pushBlob(undefined, blob.name);
    await rig.rule({ prefix: other.path, status: 403 });
    await edge.fetch(`${other.path}?ns=docker.io`);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });
});

describe('statBlob: a hop that a cache on the way answers', () => {
  it.each(SECOND_HAND)('confirms nothing, though the caller has a grant: at the target, %s', async (_what, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await grant(edge, blob);
    const storage = scripted({ headers: sized(blob, headers) });
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage.url } });
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(blob.path, HEAD);
      expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=miss']);
    }
  });

  it.each(SECOND_HAND)(
    'confirms nothing, though the target is asked itself: at the origin, %s',
    async (_what, headers) => {
      const blob = await pushBlob();
      const edge = createEdge();
      await grant(edge, blob);
      const storage = scripted({ headers: sized(blob) });
      await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage.url, ...headers } });
      for (let n = 0; n < 2; n++) {
        expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss');
      }
    },
  );

  it('is confirmed where nobody on the way answered: the same with a target that says nothing of a cache', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await grant(edge, blob);
    const storage = scripted({ headers: sized(blob, { age: '0', 'cache-status': 'other; fwd=miss' }) });
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage.url } });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });
});

describe('follow', () => {
  it('gets nothing of what a cache on the way told the leader', async () => {
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
