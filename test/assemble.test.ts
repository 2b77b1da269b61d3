import { describe, expect, inject, it } from 'vitest';
import { createIsolate } from '../src/assemble.ts';
import { BACKENDS } from '../src/assembleCaches.ts';
import { parseConfig } from '../src/config/config.ts';
import { cacheStatusOf, createEdge, type Edge } from './support/edge.ts';
import { ADMIN_TOKEN, purge } from './support/purge.ts';
import { pushBlob, rig } from './support/push.ts';
import { manifestRequest, pushManifest } from './support/pushManifest.ts';
import { STORES } from './support/stores.ts';

const HEAD = { method: 'HEAD' };
const HIT = 'registry-edge; hit';

/** Two upstreams of one isolate that keep their caches in one store. */
function createPair(variables: Record<string, string>, alias = 'hub'): [one: Edge, other: Edge] {
  const all = { ...variables, ADMIN_TOKEN, LIST_TTL: '1h' };
  const config = parseConfig({ ...all, ORIGIN_URL: inject('originUrl'), DESCRIPTORS: {}, REPOSITORIES: {} }, BACKENDS);
  const isolate = createIsolate(config);
  const [one, other] = ['', alias].map((name) => createEdge(all, { isolate, alias: name }));
  return [one as Edge, other as Edge];
}

const statusOf = async (edge: Edge, path: string, init: RequestInit = HEAD) =>
  cacheStatusOf(await edge.fetch(path, init));

it('an alias that could be read as a pattern or a part of a key is refused', () => {
  for (const alias of ['*', 'a::b', 'A', 'a b', 'a[b]'])
    expect(() => createPair({}, alias)).toThrow('an alias has only');
});

describe.each(STORES)('two upstreams in one isolate, cache in $name', ({ variables }) => {
  // The words with which keys of the default upstream begin.
  const ALIASES = ['hub', 'open', 'cleared', 'content', 'registry-edge', 'repository', 'blobs', 'upstream'];

  it.each(ALIASES)('share neither grants nor descriptors: alias %s', async (alias) => {
    const [one, other] = createPair(variables, alias);
    const blob = await pushBlob();
    await one.fetch(blob.path, HEAD);
    expect(await statusOf(one, blob.path)).toContain(HIT);
    // Without the first, the same caller would not be unproven. Without the second, there would be no write.
    expect(await statusOf(other, blob.path)).toBe('registry-edge; fwd=miss; stored; detail=unproven');
    expect(await statusOf(other, blob.path)).toContain(HIT);
  });

  it.each([
    ['a manifest by digest', 'HEAD'],
    ['a manifest by digest', 'GET'],
    ['a tag', 'HEAD'],
    ['a tag', 'GET'],
  ] as const)('share no answer in an open mirror: %s, %s', async (what, method) => {
    const [one, other] = createPair({ ...variables, CLIENT_AUTH: 'anonymous' });
    const manifest = await pushManifest();
    const path = what === 'a tag' ? manifest.tagPath : manifest.path;
    for (const edge of [one, other]) {
      expect(await statusOf(edge, path, manifestRequest(method))).toBe('registry-edge; fwd=miss; stored');
      expect(await statusOf(edge, path, manifestRequest(method))).toContain(HIT);
    }
  });

  it('share no question: each asks its own origin', async () => {
    const [one, other] = createPair(variables);
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, holdAs: blob.digest, times: 1 });
    const open = one.fetch(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    const second = other.fetch(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(2);
    await rig.release(blob.digest);
    await Promise.all([open, second]);
  });

  it('share no list', async () => {
    const [one, other] = createPair({ ...variables, CLIENT_AUTH: 'anonymous' });
    const { name } = await pushManifest();
    for (const edge of [one, other]) {
      const list = () => statusOf(edge, `/v2/${name}/tags/list`, {});
      expect([await list(), await list()]).toEqual(['registry-edge; fwd=miss', HIT]);
    }
  });

  it('share no tombstones: what one forgets, the other still knows', async () => {
    const [one, other] = createPair({ ...variables, CLIENT_AUTH: 'anonymous' });
    const manifest = await pushManifest();
    for (const edge of [one, other]) await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect((await purge(one, manifest.name)).status).toBe(200);
    expect(await statusOf(one, manifest.tagPath, manifestRequest('GET'))).not.toContain('hit');
    expect(await statusOf(other, manifest.tagPath, manifestRequest('GET'))).toContain(HIT);
  });

  it('share no absences: what the origin of one denies a caller evicts nothing of the other', async () => {
    const [one, other] = createPair(variables);
    const blob = await pushBlob();
    const proving = await pushBlob('another one', blob.name);
    const caller = { ...HEAD, headers: { authorization: `Basic ${crypto.randomUUID()}` } };
    await other.fetch(blob.path, HEAD);
    // Without this, the two clocks decide whether the absence is the later one.
    one.clock.advance(1_000);
    await rig.rule({ prefix: blob.path, status: 404, times: 1 });
    expect((await one.fetch(blob.path, caller)).status).toBe(404);
    await other.fetch(proving.path, caller);
    expect(await statusOf(other, blob.path, caller)).toContain(HIT);
    // Its own upstream evicts it: the caller has been told the truth.
    await one.fetch(blob.path, HEAD);
    await rig.rule({ prefix: blob.path, status: 404, times: 1 });
    const second = { ...HEAD, headers: { authorization: `Basic ${crypto.randomUUID()}` } };
    await one.fetch(blob.path, second);
    await one.fetch(proving.path, second);
    expect(await statusOf(one, blob.path, second)).not.toContain(HIT);
  });

  it('share no Retry-After', async () => {
    const [one, other] = createPair({ ...variables, CLIENT_AUTH: 'anonymous', TAG_TTL: '1s' });
    const manifest = await pushManifest();
    for (const edge of [one, other]) await edge.fetch(manifest.tagPath, manifestRequest('HEAD'));
    for (const edge of [one, other]) edge.clock.advance(2_000);
    await rig.rule({ prefix: manifest.tagPath, status: 429, headers: { 'retry-after': '60' }, times: 1 });
    const stale = async (edge: Edge) => statusOf(edge, manifest.tagPath, manifestRequest('HEAD'));
    expect([await stale(one), await stale(one)]).toEqual([
      'registry-edge; fwd=stale; detail=origin-429',
      'registry-edge; fwd=stale; detail=paused',
    ]);
    expect(await stale(other)).toBe('registry-edge; fwd=stale; stored');
  });
});
