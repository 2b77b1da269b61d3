import { describe, expect, it } from 'vitest';
import { ALL_MANIFESTS } from '../../src/oci/mediaTypes.ts';
import { createClock } from '../support/context.ts';
import { cooled, DAY_MS, move, pull, toldBy } from '../support/cooldown.ts';
import { FAILING_OBJECTS, interceptObjects } from '../support/durableStore.ts';
import { cacheStatusOf, createEdge, stableHeaders } from '../support/edge.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, OCI_INDEX, pushManifest } from '../support/pushManifest.ts';

describe('a tag under a cooldown', () => {
  it('leads to what it led to before, until the new digest has been held for so long', async () => {
    const old = await pushManifest();
    const edge = cooled();
    expect(await pull(edge, old)).toBe(old.bytes);
    const moved = await move(edge, old);
    expect([await pull(edge, old), toldBy(edge)]).toEqual([old.bytes, 'COOLDOWN']);
    edge.clock.advance(3 * DAY_MS - 1);
    expect(await pull(edge, old)).toBe(old.bytes);
    edge.clock.advance(1);
    expect([await pull(edge, old), toldBy(edge)]).toEqual([moved.bytes, undefined]);
    edge.clock.advance(1);
    expect(await pull(edge, old)).toBe(moved.bytes);
  });

  it('is the same in all isolates, and after a restart', async () => {
    const old = await pushManifest();
    const clock = createClock(Date.now());
    const [one, other] = [cooled({}, { clock }), cooled({}, { clock })];
    expect(await pull(one, old)).toBe(old.bytes);
    const moved = await move(one, old);
    expect(await pull(other, old)).toBe(old.bytes);
    clock.advance(2 * DAY_MS);
    expect([await pull(one, old), await pull(cooled({}, { clock }), old)]).toEqual([old.bytes, old.bytes]);
    clock.advance(DAY_MS);
    expect(await Promise.all([one, other, cooled({}, { clock })].map((edge) => pull(edge, old)))).toEqual(
      Array(3).fill(moved.bytes),
    );
  });

  it('that is set back leads there at once', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    const moved = await move(edge, old);
    await pull(edge, old);
    edge.clock.advance(3 * DAY_MS);
    expect(await pull(edge, old)).toBe(moved.bytes);
    await move(edge, old, old);
    expect(await pull(edge, old)).toBe(old.bytes);
    await move(edge, old, moved);
    expect(await pull(edge, old)).toBe(moved.bytes);
  });

  it('does not count the time during which it led elsewhere', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    const bad = await move(edge, old);
    await pull(edge, old);
    await move(edge, old, old);
    await pull(edge, old);
    edge.clock.advance(4 * DAY_MS);
    await pull(edge, old);
    await move(edge, old, bad);
    expect(await pull(edge, old)).toBe(old.bytes);
    edge.clock.advance(DAY_MS);
    expect(await pull(edge, old)).toBe(old.bytes);
  });

  it('leads to the last one that was held, though newer ones came and went', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    const held = await move(edge, old);
    await pull(edge, old);
    edge.clock.advance(3 * DAY_MS);
    await pull(edge, old);
    for (let day = 0; day < 50; day++) {
      await move(edge, old);
      expect(await pull(edge, old)).toBe(held.bytes);
      edge.clock.advance(2 * DAY_MS);
    }
  });

  it('is denied where nothing has been held yet, with COOLDOWN_UNKNOWN=deny', async () => {
    const manifest = await pushManifest();
    const edge = cooled({ COOLDOWN_UNKNOWN: 'deny' });
    const refused = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([refused.status, await refused.json(), toldBy(edge)]).toEqual([
      403,
      { errors: [expect.objectContaining({ code: 'DENIED', detail: { policy: 'COOLDOWN' } })] },
      'COOLDOWN',
    ]);
    edge.clock.advance(3 * DAY_MS);
    expect(await pull(edge, manifest)).toBe(manifest.bytes);
  });

  it('answers HEAD as GET, with the digest that counts', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    await move(edge, old);
    const head = await edge.fetch(old.tagPath, manifestRequest('HEAD'));
    expect(head.headers.get('docker-content-digest')).toBe(old.digest);
    const get = await edge.fetch(old.tagPath, manifestRequest('GET'));
    expect(stableHeaders(head)).toEqual({ ...stableHeaders(get), 'content-length': String(old.bytes.length) });
    const same = await edge.fetch(
      old.tagPath,
      manifestRequest('GET', undefined, { 'if-none-match': `"${old.digest}"` }),
    );
    expect(same.status).toBe(304);
  });

  it.each<[string, Record<string, string>]>([
    ['a range', { range: 'bytes=0-9' }],
    ['an Origin', { origin: 'https://page.test' }],
    ['other media types', { accept: OCI_INDEX }],
    ['media types that nobody else accepts', { accept: 'application/vnd.test+json' }],
    ['a condition', { 'if-none-match': '"sha256:0"' }],
    ['another identity', { cookie: 'a=b' }],
  ])('leads to nothing newer for a request with %s', async (_what, headers) => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    await move(edge, old);
    const answer = await edge.fetch(old.tagPath, manifestRequest('GET', undefined, headers));
    expect([answer.status < 300, old.bytes.startsWith(await answer.text())]).toEqual([true, true]);
    expect(await old.questions()).not.toContain('GET latest');
    // Only an edge's own media types tell where the tag leads.
    const asked = (await rig.requests(old.tagPath)).filter(({ method }) => method === 'HEAD');
    expect(new Set(asked.map((request) => request.headers.accept))).toEqual(new Set([ALL_MANIFESTS]));
  });

  it('is asked for without a query that may name something else', async () => {
    const manifest = await pushManifest();
    const edge = cooled({ MIRRORED_HOSTS: 'mirrored.test' });
    const statusOf = async (query: string) =>
      (await edge.fetch(manifest.tagPath + query, manifestRequest('GET'))).status;
    expect([await statusOf('?ns=mirrored.test'), await statusOf('?ns=other.test'), await statusOf('?x=1')]).toEqual([
      200, 403, 403,
    ]);
  });

  it('that the origin has no longer is not found', async () => {
    const manifest = await pushManifest();
    const edge = cooled();
    await pull(edge, manifest);
    await rig.rule({ prefix: manifest.tagPath, status: 404 });
    const answer = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([answer.status, await answer.json()]).toMatchObject([404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] }]);
    expect((await edge.fetch(manifest.tagPath, manifestRequest('HEAD'))).status).toBe(404);
  });

  it('is denied where the digest that counts is gone', async () => {
    const old = await pushManifest();
    const edge = cooled({ DESCRIPTOR_TTL: '1h' });
    await pull(edge, old);
    await move(edge, old);
    edge.clock.advance(DAY_MS);
    await rig.rule({ prefix: old.path, status: 404 });
    expect([await pull(edge, old), toldBy(edge)]).toEqual([403, 'COOLDOWN']);
  });

  it('answers while the origin fails, as always', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    await rig.rule({ prefix: `/v2/${old.name}/`, status: 503 });
    edge.clock.advance(1_000);
    expect(await pull(edge, old)).toBe(old.bytes);
  });

  it.each([
    ['pass', 200],
    ['deny', 503],
  ])('where the history cannot be read is left to COOLDOWN_UNKNOWN=%s: %d', async (unknown, status) => {
    const manifest = await pushManifest();
    const edge = cooled({ COOLDOWN_UNKNOWN: unknown, COOLDOWN_DIGESTS: 'true' }, { objects: FAILING_OBJECTS });
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(status);
    expect((await edge.fetch(manifest.path, manifestRequest('GET'))).status).toBe(status);
  });

  it.each([
    ['pass', 200],
    ['deny', 503],
  ])('of which the origin names no digest is left to COOLDOWN_UNKNOWN=%s: %d', async (unknown, status) => {
    const manifest = await pushManifest();
    const edge = cooled({ COOLDOWN_UNKNOWN: unknown });
    await rig.rule({ prefix: manifest.tagPath, method: 'HEAD', status: 405 });
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(status);
  });

  it('costs two requests to the object more than a tag without', async () => {
    const manifest = await pushManifest();
    let requests: string[] = [];
    const objects = interceptObjects((method, _args, call) => {
      requests.push(method);
      return call();
    });
    const costOf = async (variables: Record<string, string>) => {
      const edge = createEdge({ CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', MEMORY_TTL: '0', ...variables }, { objects });
      await pull(edge, manifest);
      requests = [];
      await pull(edge, manifest);
      return requests;
    };
    expect(await costOf({})).toEqual(['readPointers', 'readContent']);
    expect(await costOf({ COOLDOWN: '3d' })).toEqual(['readPointers', 'see', 'readEntries', 'readContent']);
  });

  it('asks the origin once within TAG_TTL, and then the stores alone', async () => {
    const old = await pushManifest();
    const edge = cooled({ TAG_TTL: '10s' });
    await pull(edge, old);
    await pull(edge, old);
    expect(await old.questions()).toEqual(['HEAD latest', `GET ${old.digest}`]);
    const warm = await edge.fetch(old.tagPath, manifestRequest('GET'));
    expect(cacheStatusOf(warm)).toContain('; hit');
    edge.clock.advance(10_001);
    const cold = await edge.fetch(old.tagPath, manifestRequest('GET'));
    expect(cacheStatusOf(cold)).toContain('; fwd=stale');
    expect(await old.questions()).toEqual(['HEAD latest', `GET ${old.digest}`, 'HEAD latest']);
  });
});
