import { describe, expect, it } from 'vitest';
import { someDigest, someName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { ADMIN_TOKEN, NOTHING, purge, purgeAll } from '../../support/purge.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { asking, OCI_MANIFEST, pushManifest, STORES } from '../../support/pushManifest.ts';

const BEARER = { authorization: `Bearer ${ADMIN_TOKEN}` };
const INMEMORY = { BLOBDESCRIPTOR: 'inmemory', ADMIN_TOKEN };
const MIRROR = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', LIST_TTL: '1h' };
/** Each store, with the memory of the isolate before it and without. */
const TIERS: [store: string, variables: Record<string, string>][] = STORES.flatMap(([store, variables]) => {
  const edge = { ...variables, ADMIN_TOKEN };
  if (store === 'memory') return [[store, edge]];
  return [
    [`${store} behind memory`, edge],
    [store, { ...edge, MEMORY_TTL: '0' }],
  ];
});

/** Whether the next HEAD is answered without the origin. */
async function isKnown(edge: Edge, path: string): Promise<boolean> {
  return cacheStatusOf(await edge.fetch(path, asking('HEAD')))?.includes('registry-edge; hit') ?? false;
}

/** Makes the edge know what is at each path. */
async function learn(edge: Edge, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await edge.fetch(path, asking('HEAD'));
    expect([path, await isKnown(edge, path)]).toEqual([path, true]);
  }
}

/** Two blobs and a manifest with a tag, of one repository. */
async function pushAll(name = someName()): Promise<{ name: string; blobs: string[]; manifest: string; tag: string }> {
  const blobs = [await pushBlob(undefined, name), await pushBlob(undefined, name)].map(({ path }) => path);
  const manifest = await pushManifest({ name });
  return { name, blobs, manifest: manifest.path, tag: manifest.tagPath };
}

describe.each(TIERS)('purge: DELETE /_edge/cache/<name>, cache in %s', (_store, variables) => {
  it('makes all of the repository a question to the origin again, says how much it was, and then 0', async () => {
    const { name, blobs, manifest, tag } = await pushAll();
    const edge = createEdge({ ...variables, ...MIRROR });
    const own = [...blobs, manifest, tag];
    await learn(edge, own);
    expect((await purgeAll(edge, name)).removed).toEqual({ blobs: 2, manifests: 1, tags: 1 });
    expect((await purgeAll(edge, name)).removed).toEqual(NOTHING);
    for (const path of own) expect([path, await isKnown(edge, path)]).toEqual([path, false]);
  });

  it('is the same to callers that may push', async () => {
    const { name, blobs, manifest } = await pushAll();
    const edge = createEdge(variables);
    await learn(edge, [...blobs, manifest]);
    expect((await purgeAll(edge, name)).removed).toEqual({ blobs: 2, manifests: 1, tags: 0 });
    for (const path of [...blobs, manifest]) expect([path, await isKnown(edge, path)]).toEqual([path, false]);
    expect((await purgeAll(edge, name)).removed).toEqual(NOTHING);
  });

  it('leaves other repositories alone, whatever their names begin or end with', async () => {
    const { name, blobs } = await pushAll();
    const others = await Promise.all(['x', '-x', '/x', '.x'].map((more) => pushAll(name + more)));
    others.push(await pushAll(`x/${name}`), await pushAll(name.slice(0, -1)));
    const edge = createEdge({ ...variables, ...MIRROR });
    const kept = others.flatMap((other) => [...other.blobs, other.manifest, other.tag]);
    await learn(edge, [...blobs, ...kept]);
    expect((await purgeAll(edge, name)).removed).toEqual({ ...NOTHING, blobs: 2 });
    for (const path of kept) expect([path, await isKnown(edge, path)]).toEqual([path, true]);
    expect(await isKnown(edge, blobs[0] ?? '')).toBe(false);
  });

  it('learns anew once two clocks cannot differ by more, and counts that', async () => {
    const { name, blobs } = await pushAll();
    const edge = createEdge({ ...variables, ...MIRROR });
    await learn(edge, blobs);
    await purgeAll(edge, name);
    edge.clock.advance(5_001);
    await learn(edge, blobs.slice(1));
    expect((await purgeAll(edge, name)).removed).toEqual({ ...NOTHING, blobs: 1 });
  });

  it('of what is not known removes nothing', async () => {
    expect((await purgeAll(createEdge(variables), someName())).removed).toEqual(NOTHING);
  });
});

describe.each(TIERS)('purge: DELETE /_edge/cache/<name>@<digest>, cache in %s', (_store, variables) => {
  it('forgets that digest there, as a blob and as a manifest, and nothing else', async () => {
    const manifest = await pushManifest();
    const { name, digest } = manifest;
    const one = await pushBlob(manifest.bytes, name);
    const other = await pushBlob(undefined, name);
    const elsewhere = await pushBlob(manifest.bytes, `${name}/x`);
    const edge = createEdge({ ...variables, ...MIRROR });
    await learn(edge, [one.path, manifest.path, manifest.tagPath, other.path, elsewhere.path]);
    const purged = async () => (await purge(edge, `${name}@${digest}`)).json();
    expect(await purged()).toEqual({ repository: name, digest, removed: { blobs: 1, manifests: 1 } });
    expect(await purged()).toEqual({ repository: name, digest, removed: { blobs: 0, manifests: 0 } });
    for (const path of [one.path, manifest.path]) expect(await isKnown(edge, path)).toBe(false);
    for (const path of [other.path, elsewhere.path]) expect(await isKnown(edge, path)).toBe(true);
    // What leads to the manifest leads nowhere.
    expect(await isKnown(edge, manifest.tagPath)).toBe(false);
  });

  it('also turns away a write-back that is under way, though nothing was there to remove', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    const headers = { 'content-length': String(blob.bytes.length), 'content-type': OCI_MANIFEST };
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 200, headers, holdAs: blob.digest, times: 1 });
    const late = edge.send(blob.path, { method: 'HEAD' });
    await expect.poll(() => blob.asked()).toBe(1);
    expect((await purge(edge, `${blob.name}@${blob.digest}`)).status).toBe(200);
    // Nobody waits for what was asked before, either.
    expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(200);
    await rig.release(blob.digest);
    expect(cacheStatusOf(await late.answer)).toContain('stored');
    await late.over;
    expect(await isKnown(edge, blob.path)).toBe(false);
  });
});

describe('purge: lists', () => {
  it('of the repository are asked for again, those of others are not', async () => {
    const [name, other] = [someName(), someName()];
    const edge = createEdge({ ...INMEMORY, ...MIRROR });
    const lists = [name, other].flatMap((one) => [`/v2/${one}/tags/list`, `/v2/${one}/referrers/${someDigest()}`]);
    for (const prefix of lists) await rig.rule({ prefix, status: 200, body: '{"manifests":[{}]}' });
    const hits = () => Promise.all(lists.map((path) => isListKnown(edge, path)));
    await hits();
    expect(await hits()).toEqual([true, true, true, true]);
    await purge(edge, name);
    expect(await hits()).toEqual([false, false, true, true]);
  });
});

async function isListKnown(edge: Edge, path: string): Promise<boolean> {
  return cacheStatusOf(await edge.fetch(path)) === 'registry-edge; hit';
}

describe('purge: refusals', () => {
  const name = someName();
  const digest = someDigest();

  it.each([name, `${name}@${digest}`])('404 where no ADMIN_TOKEN is set: %s', async (what) => {
    const response = await purge(createEdge({ BLOBDESCRIPTOR: 'inmemory', EVENTS_TOKEN: ADMIN_TOKEN }), what);
    expect(response.status).toBe(404);
  });

  it.each([
    undefined,
    'Bearer wrong',
    `Bearer ${ADMIN_TOKEN}x`,
    `Bearer ${ADMIN_TOKEN.slice(0, -1)}`,
    `Basic ${ADMIN_TOKEN}`,
    ADMIN_TOKEN,
  ])('401 to %s, and nothing is forgotten', async (given) => {
    const blob = await pushBlob();
    const edge = createEdge({ ...INMEMORY, EVENTS_TOKEN: 'registries-know-this' });
    await learn(edge, [blob.path]);
    const headers: Record<string, string> = given === undefined ? {} : { authorization: given };
    for (const what of [blob.name, `${blob.name}@${blob.digest}`, 'UPPER']) {
      const response = await edge.fetch(`/_edge/cache/${what}`, { method: 'DELETE', headers });
      const challenge = response.headers.get('www-authenticate');
      expect([response.status, challenge]).toEqual([401, 'Bearer realm="registry-edge"']);
    }
    expect(await isKnown(edge, blob.path)).toBe(true);
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT'])('405 to %s, which says what is taken', async (method) => {
    for (const what of [name, `${name}@${digest}`]) {
      const response = await createEdge(INMEMORY).fetch(`/_edge/cache/${what}`, { method, headers: BEARER });
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
  ])('400: %s is %s', async (what, code) => {
    const response = await purge(createEdge(INMEMORY), what);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
  });
});

describe('purge: a store that does not answer', () => {
  it.each(['name', 'name@digest'])('503: %s', async (kind) => {
    const [name, digest] = [someName(), someDigest()];
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
