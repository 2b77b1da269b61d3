import { afterEach, describe, expect, it, vi } from 'vitest';
import { DOWN, type Store } from '../../support/brokenStores.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { grant } from '../../support/grant.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { rig } from '../../support/push.ts';
import {
  asking,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
  REDIS,
  STORES,
} from '../../support/pushManifest.ts';
import { NO_REDIS } from '../../support/redisStore.ts';
import type { Rule } from '../../support/rig.ts';

/** With a credential: who shows none is not taken for one who may delete until the origin lets somebody. */
const DELETE = { method: 'DELETE', headers: { authorization: 'Basic ZGVsZXRlcjpzZWNyZXQ=' } };
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', MEMORY_TTL: '0' };
const VARIANTS = [OCI_MANIFEST, `${OCI_MANIFEST}, ${OCI_INDEX}`];

/** What the origin answers to the DELETE of the tag. */
const answered = ({ tagPath }: PushedManifest, rule: Partial<Rule>) =>
  rig.rule({ prefix: tagPath, method: 'DELETE', status: 202, ...rule });

/** How often a mirror has to ask where the tag leads. */
async function askedAnew(mirror: Edge, { tagPath, questions }: PushedManifest): Promise<number> {
  const before = (await questions()).length;
  for (const accept of VARIANTS) await mirror.fetch(tagPath, asking('HEAD', accept));
  return (await questions()).length - before;
}

/** A mirror that knows where the tag leads, and the manifest. */
async function mirrorOf(manifest: PushedManifest, variables: Record<string, string>): Promise<Edge> {
  const mirror = createEdge({ ...variables, ...OPEN });
  for (const accept of VARIANTS) await mirror.fetch(manifest.tagPath, asking('GET', accept));
  expect(await askedAnew(mirror, manifest)).toBe(0);
  return mirror;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('DELETE of a tag, cache in %s', (store, variables) => {
  it('asks where it leads, forgets, deletes and forgets again, and the lists too', async () => {
    const manifest = await pushManifest();
    const dropped: string[] = [];
    const edge = createEdge(variables, {
      upstream: (made) => ({ ...made, lists: { ...made.lists, drop: (name) => void dropped.push(name) } }),
    });
    expect((await edge.fetch(manifest.tagPath, DELETE)).status).toBe(202);
    expect(await manifest.questions()).toEqual(['HEAD latest', 'DELETE latest']);
    const told = edge.log.flatMap((line) => {
      const { kind, outcome } = JSON.parse(line) as Record<string, string>;
      return kind === 'markDeleting' || kind === 'clear' ? [`${kind} ${outcome}`] : [];
    });
    // The manifest as such and among the blobs, and the tag.
    expect(told).toEqual([...Array(3).fill('markDeleting done'), ...Array(3).fill('clear done')]);
    expect(new Set(dropped)).toEqual(new Set([manifest.name]));
  });

  it.each([202, 204, 404])('forgets the manifest that it led to, where the origin answers %i', async (status) => {
    const manifest = await pushManifest();
    const edge = createEdge(variables);
    for (const method of ['GET', 'HEAD'] as const) await edge.fetch(manifest.path, asking(method));
    expect(cacheStatusOf(await edge.fetch(manifest.path, asking('HEAD')))).toContain(`hit; detail=${store}`);
    await answered(manifest, { status });
    const { answer, over } = edge.send(manifest.tagPath, DELETE);
    expect((await answer).status).toBe(status);
    await rig.rule({ prefix: manifest.path, status: 404 });
    for (const method of ['GET', 'HEAD'] as const) {
      expect((await edge.fetch(manifest.path, asking(method))).status).toBe(404);
    }
    await over;
  });

  it('writes nothing for a stranger, and forgets nothing', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(store, { CACHE_TIMEOUT: '10s' });
    const authorization = 'Basic YWxpY2U6c2VjcmV0';
    await edge.fetch(manifest.path, asking('GET', OCI_MANIFEST, { authorization }));
    await rig.rule({ prefix: `/v2/${manifest.name}/`, unlessAuthorization: authorization, status: 401 });
    edge.spent();
    expect((await edge.fetch(manifest.tagPath, DELETE)).status).toBe(401);
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    const known = await edge.fetch(manifest.path, asking('GET', OCI_MANIFEST, { authorization }));
    expect(cacheStatusOf(known)).toContain('; hit');
  });
});

/** To the next HEAD of the tag the origin does not say where it leads: what is forgotten then is the tag alone. */
const tellsNoDigest = ({ tagPath }: PushedManifest, status: number) =>
  rig.rule({ prefix: tagPath, method: 'HEAD', status, times: 1 });

/** Memory is never down, but could be. */
const FAILING_TAGS: Store = [
  'memory',
  { BLOBDESCRIPTOR: 'inmemory' },
  { upstream: (made) => ({ ...made, tags: { ...made.tags, drop: () => Promise.reject(new Error('down')) } }) },
];

describe.each([FAILING_TAGS, ...DOWN])('DELETE of a tag, where %s fails', (_store, variables, options) => {
  it('is a 503, and the origin is not asked to delete', async () => {
    const manifest = await pushManifest();
    const response = await createEdge(variables, options).fetch(manifest.tagPath, DELETE);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    expect(await manifest.questions()).toEqual(['HEAD latest']);
  });
});

describe.skipIf(NO_REDIS)('DELETE of a tag, to a mirror on the same Redis', () => {
  it.each([
    ['a 202', 202, true],
    ['a 200', 200, true],
    ['a 404', 404, true],
    ['a 504: it may be deleted later', 504, true],
    ['a refusal, since nobody knows before', 403, true],
    ['a 404 to a stranger', 404, false],
    ['a 401 to a stranger', 401, false],
  ])('%s', async (what, status, isDropped) => {
    const manifest = await pushManifest();
    const mirror = await mirrorOf(manifest, REDIS);
    const edge = createEdge(REDIS);
    await tellsNoDigest(manifest, what.includes('stranger') ? 401 : 200);
    await answered(manifest, { status });
    const { answer, over } = edge.send(manifest.tagPath, DELETE);
    expect((await answer).status).toBe(status);
    expect(await askedAnew(mirror, manifest)).toBe(isDropped ? VARIANTS.length : 0);
    await over;
  });

  it('is seen also where only the DELETE proves the caller', async () => {
    const manifest = await pushManifest();
    const mirror = await mirrorOf(manifest, REDIS);
    await tellsNoDigest(manifest, 401);
    expect((await createEdge(REDIS).fetch(manifest.tagPath, DELETE)).status).toBe(202);
    expect((await mirror.fetch(manifest.tagPath, asking('GET'))).status).toBe(404);
  });

  it('is seen while it is under way: where the tag leads is asked for every time', async () => {
    const manifest = await pushManifest();
    const mirror = await mirrorOf(manifest, REDIS);
    const edge = createEdge({ ...REDIS, ORIGIN_TIMEOUT: '30s' });
    await answered(manifest, { holdAs: manifest.digest });
    const { answer, over } = edge.send(manifest.tagPath, DELETE);
    await expect.poll(() => manifest.questions()).toContain('DELETE latest');
    for (let n = 0; n < 3; n++) {
      expect(await askedAnew(mirror, manifest)).toBe(VARIANTS.length);
      mirror.clock.advance(9_000);
    }
    await rig.release(manifest.digest);
    expect((await answer).status).toBe(202);
    await over;
  });

  it('is not undone by an answer that was held back over it', async () => {
    const manifest = await pushManifest();
    const mirror = createEdge({ ...REDIS, ...OPEN });
    const { digest, bytes, mediaType } = manifest;
    const headers = {
      'docker-content-digest': digest,
      'content-type': mediaType,
      'content-length': String(bytes.length),
    };
    const late = { method: 'HEAD', status: 200, headers, holdAs: digest, times: 1 };
    await rig.rule({ prefix: manifest.tagPath, ...late });
    const asked = mirror.send(manifest.tagPath, asking('HEAD'));
    await expect.poll(() => manifest.questions()).toEqual(['HEAD latest']);
    await tellsNoDigest(manifest, 200);
    expect((await createEdge(REDIS).fetch(manifest.tagPath, DELETE)).status).toBe(202);
    await rig.release(digest);
    expect((await asked.answer).status).toBe(200);
    await asked.over;
    expect((await mirror.fetch(manifest.tagPath, asking('HEAD'))).status).toBe(404);
  });

  it('of one leaves the others', async () => {
    const manifest = await pushManifest();
    const other = await pushManifest({ name: manifest.name, tag: 'other' });
    const [one, two] = [await mirrorOf(manifest, REDIS), await mirrorOf(other, REDIS)];
    await createEdge(REDIS).fetch(manifest.tagPath, DELETE);
    expect([await askedAnew(one, manifest), await askedAnew(two, other)]).toEqual([2, 0]);
  });
});

describe('DELETE_ENABLED=false', () => {
  it.each([
    ['a blob', ({ path }: PushedManifest) => path.replace('/manifests/', '/blobs/')],
    ['a manifest', ({ path }: PushedManifest) => path],
    ['a tag', ({ tagPath }: PushedManifest) => tagPath],
  ])('is 405 UNSUPPORTED for %s: nothing is sent, written or forgotten', async (_what, pathOf) => {
    const manifest = await pushManifest();
    const edge = createEdge({ DELETE_ENABLED: 'false' });
    await grant(edge, manifest);
    await edge.fetch(manifest.path, asking('GET'));
    const asked = (await manifest.questions()).length;
    const logged = edge.log.length;
    const response = await edge.fetch(pathOf(manifest), DELETE);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    expect(edge.log.slice(logged).filter((line) => /"kind":"(?:markDeleting|clear|origin)"/.test(line))).toEqual([]);
    expect((await manifest.questions()).length).toBe(asked);
    expect(cacheStatusOf(await edge.fetch(manifest.path, asking('HEAD')))).toContain('; hit');
  });
});
