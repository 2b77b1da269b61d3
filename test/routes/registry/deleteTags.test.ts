import { afterEach, describe, expect, it, vi } from 'vitest';
import { type EdgeRow, FAILING_STORES } from '../../support/brokenStores.ts';
import { clearsOf, DELETE } from '../../support/deletes.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { rig } from '../../support/push.ts';
import {
  manifestRequest,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
} from '../../support/pushManifest.ts';
import { NO_REDIS, REDIS } from '../../support/redisStore.ts';
import type { Rule } from '../../support/rig.ts';
import { STORES, storeNamed } from '../../support/stores.ts';

const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', MEMORY_TTL: '0' };
const VARIANTS = [OCI_MANIFEST, `${OCI_MANIFEST}, ${OCI_INDEX}`];

/** Changes how the origin answers the DELETE of the tag. */
const answerDelete = ({ tagPath }: PushedManifest, rule: Partial<Rule>) =>
  rig.rule({ prefix: tagPath, method: 'DELETE', status: 202, ...rule });

/** Counts how often a mirror must ask the origin where the tag points, for every variant. */
async function countQuestions(mirror: Edge, { tagPath, questions }: PushedManifest): Promise<number> {
  const before = (await questions()).length;
  for (const accept of VARIANTS) await mirror.fetch(tagPath, manifestRequest('HEAD', accept));
  return (await questions()).length - before;
}

/** Creates a mirror that has cached the tag, in every variant, and its manifest. */
async function warmMirror(manifest: PushedManifest, variables: Record<string, string>): Promise<Edge> {
  const mirror = createEdge({ ...variables, ...OPEN });
  for (const accept of VARIANTS) await mirror.fetch(manifest.tagPath, manifestRequest('GET', accept));
  expect(await countQuestions(mirror, manifest)).toBe(0);
  return mirror;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('a DELETE of a tag, cache in $name', ({ name: store, variables }) => {
  it('asks the origin where the tag points, marks, deletes and clears, and drops the lists', async () => {
    const manifest = await pushManifest();
    const dropped: string[] = [];
    const edge = createEdge(variables, {
      upstream: (made) => ({ ...made, lists: { ...made.lists, drop: (name) => void dropped.push(name) } }),
    });
    expect((await edge.fetch(manifest.tagPath, DELETE)).status).toBe(202);
    expect(await manifest.questions()).toEqual(['HEAD latest', 'DELETE latest']);
    // Each time the tag, and the manifest in both link sets.
    expect(clearsOf(edge)).toEqual([...Array(3).fill('markDeleting done'), ...Array(3).fill('clear done')]);
    expect(new Set(dropped)).toEqual(new Set([manifest.name]));
  });

  it.each([202, 204, 404])(
    'clears the manifest to which the tag pointed, where the origin answers %i',
    async (status) => {
      const manifest = await pushManifest();
      const edge = createEdge(variables);
      for (const method of ['GET', 'HEAD'] as const) await edge.fetch(manifest.path, manifestRequest(method));
      expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('HEAD')))).toContain(`hit; detail=${store}`);
      await answerDelete(manifest, { status });
      const { answer, over } = edge.send(manifest.tagPath, DELETE);
      expect((await answer).status).toBe(status);
      await rig.rule({ prefix: manifest.path, status: 404 });
      for (const method of ['GET', 'HEAD'] as const) {
        expect((await edge.fetch(manifest.path, manifestRequest(method))).status).toBe(404);
      }
      await over;
    },
  );

  it('by a stranger writes and clears nothing', async () => {
    const manifest = await pushManifest();
    const edge = createMeteredEdge(store);
    const authorization = 'Basic YWxpY2U6c2VjcmV0';
    await edge.fetch(manifest.path, manifestRequest('GET', OCI_MANIFEST, { authorization }));
    await rig.rule({ prefix: `/v2/${manifest.name}/`, unlessAuthorization: authorization, status: 401 });
    edge.spent();
    expect((await edge.fetch(manifest.tagPath, DELETE)).status).toBe(401);
    expect(edge.spent()).toEqual({ storeRequests: 0, operations: { reads: 0, writes: 0 } });
    const known = await edge.fetch(manifest.path, manifestRequest('GET', OCI_MANIFEST, { authorization }));
    expect(cacheStatusOf(known)).toContain('; hit');
  });
});

/** Hides from the next HEAD where the tag points, so that only the tag can be cleared. */
const hideDigest = ({ tagPath }: PushedManifest, status: number) =>
  rig.rule({ prefix: tagPath, method: 'HEAD', status, times: 1 });

/** Memory never fails, but the edge must not rely on that. */
const FAILING_TAGS: EdgeRow = [
  'memory',
  storeNamed('memory').variables,
  { upstream: (made) => ({ ...made, tags: { ...made.tags, drop: () => Promise.reject(new Error('down')) } }) },
];

describe.each([FAILING_TAGS, ...FAILING_STORES])('a DELETE of a tag while %s fails', (_store, variables, options) => {
  it('is a 503, and the origin is not asked to delete', async () => {
    const manifest = await pushManifest();
    const response = await createEdge(variables, options).fetch(manifest.tagPath, DELETE);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    expect(await manifest.questions()).toEqual(['HEAD latest']);
  });
});

describe.skipIf(NO_REDIS)('a DELETE of a tag, seen by a mirror on the same Redis', () => {
  it.each([
    ['a 202', 202, true],
    ['a 200', 200, true],
    ['a 404', 404, true],
    ['a 504, after which it may still delete', 504, true],
    ['a 403, which nobody can foresee', 403, true],
    ['a 404 to a stranger', 404, false],
    ['a 401 to a stranger', 401, false],
  ])('answered with %s, status %i, drops the tag: %s', async (what, status, isDropped) => {
    const manifest = await pushManifest();
    const mirror = await warmMirror(manifest, REDIS);
    const edge = createEdge(REDIS);
    await hideDigest(manifest, what.includes('stranger') ? 401 : 200);
    await answerDelete(manifest, { status });
    const { answer, over } = edge.send(manifest.tagPath, DELETE);
    expect((await answer).status).toBe(status);
    expect(await countQuestions(mirror, manifest)).toBe(isDropped ? VARIANTS.length : 0);
    await over;
  });

  it('drops the tag also where only the DELETE itself proves the caller’s access', async () => {
    const manifest = await pushManifest();
    const mirror = await warmMirror(manifest, REDIS);
    await hideDigest(manifest, 401);
    expect((await createEdge(REDIS).fetch(manifest.tagPath, DELETE)).status).toBe(202);
    expect((await mirror.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(404);
  });

  it('makes the mirror ask where the tag points every time while it is in progress', async () => {
    const manifest = await pushManifest();
    const mirror = await warmMirror(manifest, REDIS);
    const edge = createEdge({ ...REDIS, ORIGIN_TIMEOUT: '30s' });
    await answerDelete(manifest, { holdAs: manifest.digest });
    const { answer, over } = edge.send(manifest.tagPath, DELETE);
    await expect.poll(() => manifest.questions()).toContain('DELETE latest');
    for (let n = 0; n < 3; n++) {
      expect(await countQuestions(mirror, manifest)).toBe(VARIANTS.length);
      mirror.clock.advance(9_000);
    }
    await rig.release(manifest.digest);
    expect((await answer).status).toBe(202);
    await over;
  });

  it('is not undone by an earlier answer of the origin that arrives later', async () => {
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
    const early = mirror.send(manifest.tagPath, manifestRequest('HEAD'));
    await expect.poll(() => manifest.questions()).toEqual(['HEAD latest']);
    await hideDigest(manifest, 200);
    expect((await createEdge(REDIS).fetch(manifest.tagPath, DELETE)).status).toBe(202);
    await rig.release(digest);
    expect((await early.answer).status).toBe(200);
    await early.over;
    expect((await mirror.fetch(manifest.tagPath, manifestRequest('HEAD'))).status).toBe(404);
  });

  it('leaves other tags cached', async () => {
    const manifest = await pushManifest();
    const other = await pushManifest({ name: manifest.name, tag: 'other' });
    const [one, two] = [await warmMirror(manifest, REDIS), await warmMirror(other, REDIS)];
    await createEdge(REDIS).fetch(manifest.tagPath, DELETE);
    expect([await countQuestions(one, manifest), await countQuestions(two, other)]).toEqual([2, 0]);
  });
});

describe('a DELETE with DELETE_ENABLED=false', () => {
  it.each([
    ['a blob', ({ path }: PushedManifest) => path.replace('/manifests/', '/blobs/')],
    ['a manifest', ({ path }: PushedManifest) => path],
    ['a tag', ({ tagPath }: PushedManifest) => tagPath],
  ])('of %s is 405 UNSUPPORTED, and reaches neither the origin nor the cache', async (_what, pathOf) => {
    const manifest = await pushManifest();
    const edge = createEdge({ DELETE_ENABLED: 'false' });
    await earnGrant(edge, manifest);
    await edge.fetch(manifest.path, manifestRequest('GET'));
    const questionsBefore = (await manifest.questions()).length;
    const linesBefore = edge.log.length;
    const response = await edge.fetch(pathOf(manifest), DELETE);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    expect(edge.log.slice(linesBefore).filter((line) => /"kind":"(?:markDeleting|clear|origin)"/.test(line))).toEqual(
      [],
    );
    expect((await manifest.questions()).length).toBe(questionsBefore);
    expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('HEAD')))).toContain('; hit');
  });
});
