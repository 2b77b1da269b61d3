import { describe, expect, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN } from '../../support/events.ts';
import { ADMIN_TOKEN, NOTHING_REMOVED, OPERATOR, purge, purgeAll } from '../../support/purge.ts';
import { holdHead, pushBlob, rig } from '../../support/push.ts';
import { OCI_MANIFEST, pushManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';
import { isHit, warm } from '../../support/warm.ts';

const INMEMORY = { BLOBDESCRIPTOR: 'inmemory', ADMIN_TOKEN };
const MIRROR = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', LIST_TTL: '1h' };
/** Each store, with the isolate's memory in front of it and without. */
const TIERS: [store: string, variables: Record<string, string>][] = STORES.flatMap(({ name, variables, isShared }) => {
  const edge = { ...variables, ADMIN_TOKEN };
  if (!isShared) return [[name, edge]];
  return [
    [`${name} behind memory`, edge],
    [name, { ...edge, MEMORY_TTL: '0' }],
  ];
});

/** Pushes two blobs and a tagged manifest to one repository. @returns their paths */
async function pushAll(name = uniqueName()): Promise<{ name: string; blobs: string[]; manifest: string; tag: string }> {
  const blobs = [await pushBlob(undefined, name), await pushBlob(undefined, name)].map(({ path }) => path);
  const manifest = await pushManifest({ name });
  return { name, blobs, manifest: manifest.path, tag: manifest.tagPath };
}

describe.each(TIERS)('DELETE /_edge/cache/<name>, cache in %s', (_store, variables) => {
  it('clears everything in the repository and says how much; a second purge finds nothing', async () => {
    const { name, blobs, manifest, tag } = await pushAll();
    const edge = createEdge({ ...variables, ...MIRROR });
    const own = [...blobs, manifest, tag];
    await warm(edge, ...own);
    expect((await purgeAll(edge, name)).removed).toEqual({ blobs: 2, manifests: 1, tags: 1 });
    expect((await purgeAll(edge, name)).removed).toEqual(NOTHING_REMOVED);
    for (const path of own) expect([path, await isHit(edge, path)]).toEqual([path, false]);
  });

  it('clears it for callers that may push, too', async () => {
    const { name, blobs, manifest } = await pushAll();
    const edge = createEdge(variables);
    await warm(edge, ...blobs, manifest);
    expect((await purgeAll(edge, name)).removed).toEqual({ blobs: 2, manifests: 1, tags: 0 });
    for (const path of [...blobs, manifest]) expect([path, await isHit(edge, path)]).toEqual([path, false]);
    expect((await purgeAll(edge, name)).removed).toEqual(NOTHING_REMOVED);
  });

  it('leaves repositories with similar names alone', async () => {
    const { name, blobs } = await pushAll();
    const others = await Promise.all(['x', '-x', '/x', '.x'].map((more) => pushAll(name + more)));
    others.push(await pushAll(`x/${name}`), await pushAll(name.slice(0, -1)));
    const edge = createEdge({ ...variables, ...MIRROR });
    const kept = others.flatMap((other) => [...other.blobs, other.manifest, other.tag]);
    await warm(edge, ...blobs, ...kept);
    expect((await purgeAll(edge, name)).removed).toEqual({ ...NOTHING_REMOVED, blobs: 2 });
    for (const path of kept) expect([path, await isHit(edge, path)]).toEqual([path, true]);
    expect(await isHit(edge, blobs[0] ?? '')).toBe(false);
  });

  it('lets the edge cache again after the skew of clocks, and a later purge counts that', async () => {
    const { name, blobs } = await pushAll();
    const edge = createEdge({ ...variables, ...MIRROR });
    await warm(edge, ...blobs);
    await purgeAll(edge, name);
    edge.clock.advance(5_001);
    await warm(edge, ...blobs.slice(1));
    expect((await purgeAll(edge, name)).removed).toEqual({ ...NOTHING_REMOVED, blobs: 1 });
  });

  it('removes nothing of an unknown repository', async () => {
    expect((await purgeAll(createEdge(variables), uniqueName())).removed).toEqual(NOTHING_REMOVED);
  });
});

describe.each(TIERS)('DELETE /_edge/cache/<name>@<digest>, cache in %s', (_store, variables) => {
  it('clears that digest in that repository, as a blob and as a manifest, and nothing else', async () => {
    const manifest = await pushManifest();
    const { name, digest } = manifest;
    const one = await pushBlob(manifest.bytes, name);
    const other = await pushBlob(undefined, name);
    const elsewhere = await pushBlob(manifest.bytes, `${name}/x`);
    const edge = createEdge({ ...variables, ...MIRROR });
    await warm(edge, one.path, manifest.path, manifest.tagPath, other.path, elsewhere.path);
    const purged = async () => (await purge(edge, `${name}@${digest}`)).json();
    expect(await purged()).toEqual({ repository: name, digest, removed: { blobs: 1, manifests: 1 } });
    expect(await purged()).toEqual({ repository: name, digest, removed: { blobs: 0, manifests: 0 } });
    for (const path of [one.path, manifest.path]) expect(await isHit(edge, path)).toBe(false);
    for (const path of [other.path, elsewhere.path]) expect(await isHit(edge, path)).toBe(true);
    // The tag points to a manifest that is no longer cached.
    expect(await isHit(edge, manifest.tagPath)).toBe(false);
  });

  it('turns away a write-back in progress, though nothing was cached yet', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    await holdHead(blob, OCI_MANIFEST);
    const late = edge.send(blob.path, { method: 'HEAD' });
    await expect.poll(() => blob.asked()).toBe(1);
    expect((await purge(edge, `${blob.name}@${blob.digest}`)).status).toBe(200);
    // A new request does not join the flight from before the purge, either.
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(200);
    await rig.release(blob.digest);
    expect(cacheStatusOf(await late.answer)).toContain('stored');
    await late.over;
    expect(await isHit(edge, blob.path)).toBe(false);
  });
});

describe('DELETE /_edge/cache/<name> and lists', () => {
  it('drops the lists of the repository, and no others', async () => {
    const [name, other] = [uniqueName(), uniqueName()];
    const edge = createEdge({ ...INMEMORY, ...MIRROR });
    const lists = [name, other].flatMap((one) => [`/v2/${one}/tags/list`, `/v2/${one}/referrers/${uniqueDigest()}`]);
    for (const prefix of lists) await rig.rule({ prefix, status: 200, body: '{"manifests":[{}]}' });
    const hits = () => Promise.all(lists.map((path) => isListHit(edge, path)));
    await hits();
    expect(await hits()).toEqual([true, true, true, true]);
    await purge(edge, name);
    expect(await hits()).toEqual([false, false, true, true]);
  });
});

async function isListHit(edge: Edge, path: string): Promise<boolean> {
  return cacheStatusOf(await edge.fetch(path)) === 'registry-edge; hit';
}

describe('DELETE /_edge/cache: refusals', () => {
  const name = uniqueName();
  const digest = uniqueDigest();

  it.each([name, `${name}@${digest}`])('answers 404 without ADMIN_TOKEN: %s', async (target) => {
    const response = await purge(createEdge({ BLOBDESCRIPTOR: 'inmemory', EVENTS_TOKEN: ADMIN_TOKEN }), target);
    expect(response.status).toBe(404);
  });

  it.each([
    undefined,
    'Bearer wrong',
    `Bearer ${ADMIN_TOKEN}x`,
    `Bearer ${ADMIN_TOKEN.slice(0, -1)}`,
    `Basic ${ADMIN_TOKEN}`,
    ADMIN_TOKEN,
  ])('answers 401 to the credential %s and clears nothing', async (authorization) => {
    const blob = await pushBlob();
    const edge = createEdge({ ...INMEMORY, EVENTS_TOKEN });
    await warm(edge, blob.path);
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    for (const target of [blob.name, `${blob.name}@${blob.digest}`, 'UPPER']) {
      const response = await edge.fetch(`/_edge/cache/${target}`, { method: 'DELETE', headers });
      const challenge = response.headers.get('www-authenticate');
      expect([response.status, challenge]).toEqual([401, 'Bearer realm="registry-edge"']);
    }
    expect(await isHit(edge, blob.path)).toBe(true);
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT'])('answers %s with 405, and names DELETE in Allow', async (method) => {
    for (const target of [name, `${name}@${digest}`]) {
      const response = await createEdge(INMEMORY).fetch(`/_edge/cache/${target}`, { method, headers: OPERATOR });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'DELETE']);
    }
  });

  it.each([
    ['', 'NAME_INVALID'],
    ['UPPER', 'NAME_INVALID'],
    [`${name}/`, 'NAME_INVALID'],
    [`${name}//x`, 'NAME_INVALID'],
    ['a*', 'NAME_INVALID'],
    ['a%2Fb', 'NAME_INVALID'],
    [`@${digest}`, 'NAME_INVALID'],
    [`UPPER@${digest}`, 'NAME_INVALID'],
    [`${name}@`, 'DIGEST_INVALID'],
    [`${name}@latest`, 'DIGEST_INVALID'],
    [`${name}@sha256:short`, 'DIGEST_INVALID'],
    [`${name}@sha999:abcd`, 'DIGEST_INVALID'],
    [`${name}@${digest}@${digest}`, 'DIGEST_INVALID'],
    [`${name}@@${digest}`, 'DIGEST_INVALID'],
    [`${name}?cursor=`, 'REQUEST_INVALID'],
    [`${name}?cursor=0`, 'REQUEST_INVALID'],
    [`${name}?cursor=layers`, 'REQUEST_INVALID'],
    [`${name}?cursor=blobs:`, 'REQUEST_INVALID'],
    [`${name}?cursor=tags:%0A`, 'REQUEST_INVALID'],
    [`${name}?cursor=blobs:${'x'.repeat(2_001)}`, 'REQUEST_INVALID'],
    [`${name}?force=true`, 'REQUEST_INVALID'],
    [`${name}?cursor=blobs&n=1`, 'REQUEST_INVALID'],
    [`${name}@${digest}?cursor=blobs`, 'REQUEST_INVALID'],
    [`${name}@${digest}?x`, 'REQUEST_INVALID'],
  ])('answers 400 to %s: %s', async (target, code) => {
    const response = await purge(createEdge(INMEMORY), target);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
  });
});

describe('DELETE /_edge/cache: a failing store', () => {
  it.each(['name', 'name@digest'])('answers 503 to a purge of %s', async (kind) => {
    const [name, digest] = [uniqueName(), uniqueDigest()];
    const down = {
      BLOBDESCRIPTOR: 'redis',
      UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
      UPSTASH_REDIS_REST_TOKEN: 'x',
    };
    const refuse = () => Promise.reject(new Error('KV: 429 Too Many Requests'));
    const namespace = { get: refuse, put: refuse, list: refuse } as unknown as KVNamespace;
    for (const [variables, options] of [
      [down, {}],
      [{}, { namespace }],
    ] as const) {
      const edge = createEdge({ ...variables, ADMIN_TOKEN }, options);
      const response = await purge(edge, kind === 'name' ? name : `${name}@${digest}`);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    }
  });
});
