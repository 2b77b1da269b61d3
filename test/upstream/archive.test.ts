import { describe, expect, it } from 'vitest';
import { ALL_MANIFESTS, IMAGE_TYPES } from '../../src/oci/mediaTypes.ts';
import { cacheStatusOf, createEdge, type Edge, stableHeaders } from '../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../support/events.ts';
import { createFailingEdge, OPEN, pushAndFetch } from '../support/failingEdge.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { STORES, storeNamed } from '../support/stores.ts';

const METHODS = ['HEAD', 'GET'] as const;
const HOUR_MS = 3_600_000;
const ADMIN_TOKEN = 'the-operators-token';
const ARCHIVE = { ...OPEN, KEEP_DELETED: 'keep', EVENTS_TOKEN, ADMIN_TOKEN };
const MEMORY = storeNamed('memory').variables;
const KEPT = 'registry-edge; fwd=stale; detail=origin-404';

/** Stores that keep tags: only those may be an archive's. */
const KEEPERS = STORES.filter(({ variables }) => variables.BLOBDESCRIPTOR !== 'kv');

/** The origin no longer has the repository. */
const deleteAt = ({ name }: PushedManifest) => rig.rule({ prefix: `/v2/${name}/`, status: 404, body: '{"errors":[]}' });

/** Asks for a manifest by its tag and by its digest, with both methods. */
async function askAll(edge: Edge, manifest: PushedManifest): Promise<Response[]> {
  const answers: Response[] = [];
  for (const path of [manifest.tagPath, manifest.path]) {
    for (const method of METHODS) answers.push(await edge.fetch(path, manifestRequest(method)));
  }
  return answers;
}

const tagOf = ({ tagPath }: PushedManifest) => tagPath.split('/').at(-1) ?? '';
const statusesOf = (answers: readonly Response[]) => answers.map(({ status }) => status);

describe.each(KEEPERS)('KEEP_DELETED=keep, with the cache in $name', ({ variables }) => {
  it('answers what the origin has deleted as before, until STALE_IF_ERROR is over', async () => {
    const edge = createEdge({ ...ARCHIVE, ...variables });
    const manifest = await pushAndFetch(edge);
    const warm = await askAll(edge, manifest);
    edge.clock.advance(10_000);
    await deleteAt(manifest);
    // What is kept is not forgotten after it has answered.
    for (let round = 0; round < 2; round++) {
      const kept = await askAll(edge, manifest);
      expect(kept.map(cacheStatusOf)).toEqual([KEPT, KEPT, KEPT, KEPT]);
      expect(kept.map(stableHeaders)).toEqual(warm.map(stableHeaders));
      expect(await Promise.all(kept.map((answer) => answer.text()))).toEqual(['', manifest.bytes, '', manifest.bytes]);
    }
    edge.clock.advance(HOUR_MS);
    expect(statusesOf(await askAll(edge, manifest))).toEqual([404, 404, 404, 404]);
  });

  it('follows the origin again once it has the tag again', async () => {
    const edge = createEdge({ ...ARCHIVE, ...variables });
    const manifest = await pushAndFetch(edge);
    await deleteAt(manifest);
    edge.clock.advance(10_000);
    await askAll(edge, manifest);
    await rig.forget(`/v2/${manifest.name}/`);
    const next = await pushManifest({ name: manifest.name, tag: tagOf(manifest) });
    const answer = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([answer.status, await answer.text()]).toEqual([200, next.bytes]);
  });

  it('does not follow deletes that events tell, and follows their pushes', async () => {
    const edge = createEdge({ ...ARCHIVE, ...variables });
    const manifest = await pushAndFetch(edge);
    await deleteAt(manifest);
    const events = eventsOf(manifest.name);
    const tag = tagOf(manifest);
    await sendEvents(edge, events.deleted(manifest.digest), events.untagged(tag), events.repositoryDeleted());
    expect(statusesOf(await askAll(edge, manifest))).toEqual([200, 200, 200, 200]);
    await rig.forget(`/v2/${manifest.name}/`);
    const next = await pushManifest({ name: manifest.name, tag });
    await sendEvents(edge, events.pushed(next.digest, tag));
    const answer = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([answer.status, await answer.text()]).toEqual([200, next.bytes]);
    // The manifest to which the tag pointed is still there by its digest.
    await deleteAt(manifest);
    expect((await edge.fetch(manifest.path, manifestRequest('GET'))).status).toBe(200);
  });

  it.each([401, 403])('forgets what the origin answers with %i', async (status) => {
    const edge = createFailingEdge({ ...ARCHIVE, ...variables });
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await edge.failOrigin(manifest, status);
    expect(statusesOf(await askAll(edge, manifest))).toEqual([403, 403, 403, 403]);
    await rig.forget(`/v2/${manifest.name}/`);
    await deleteAt(manifest);
    expect(statusesOf(await askAll(edge, manifest))).toEqual([404, 404, 404, 404]);
  });

  it('forgets what an operator purges', async () => {
    const edge = createEdge({ ...ARCHIVE, ...variables });
    const manifest = await pushAndFetch(edge);
    await deleteAt(manifest);
    const purge = { method: 'DELETE', headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
    expect((await edge.fetch(`/_edge/cache/${manifest.name}`, purge)).status).toBe(200);
    expect(statusesOf(await askAll(edge, manifest))).toEqual([404, 404, 404, 404]);
  });
});

describe('KEEP_DELETED=keep', () => {
  it('a 404 to a caller who does not accept the media type stays a 404, and evicts nothing', async () => {
    const edge = createEdge({ ...ARCHIVE, ...MEMORY });
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await deleteAt(manifest);
    const other = { headers: { accept: 'application/vnd.docker.distribution.manifest.v1+json' } };
    expect((await edge.fetch(manifest.path, other)).status).toBe(404);
    expect(statusesOf(await askAll(edge, manifest))).toEqual([200, 200, 200, 200]);
  });

  it('what a client of one kind has pulled by its tag is kept for those of every other', async () => {
    const edge = createEdge({ ...ARCHIVE, ...MEMORY });
    const manifest = await pushManifest();
    await edge.fetch(manifest.tagPath, { headers: { accept: ALL_MANIFESTS } });
    edge.clock.advance(10_000);
    await deleteAt(manifest);
    for (const accept of [IMAGE_TYPES.join(','), `${IMAGE_TYPES.toReversed().join(', ')}, application/json, */*`]) {
      expect([accept, (await edge.fetch(manifest.tagPath, { headers: { accept } })).status]).toEqual([accept, 200]);
    }
  });

  it('asks the origin one question for each answer that is kept', async () => {
    const edge = createEdge({ ...ARCHIVE, ...MEMORY });
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await deleteAt(manifest);
    const before = (await rig.requests(`/v2/${manifest.name}/`)).length;
    await askAll(edge, manifest);
    const asked = (await rig.requests(`/v2/${manifest.name}/`)).slice(before);
    expect(asked.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'HEAD', 'HEAD']);
  });
});

describe('KEEP_DELETED=drop', () => {
  it('a 404 evicts, whatever STALE_IF_ERROR says', async () => {
    const edge = createFailingEdge({ ...MEMORY, KEEP_DELETED: 'drop' });
    const manifest = await pushAndFetch(edge);
    edge.clock.advance(10_000);
    await deleteAt(manifest);
    expect(statusesOf(await askAll(edge, manifest))).toEqual([404, 404, 404, 404]);
  });
});
