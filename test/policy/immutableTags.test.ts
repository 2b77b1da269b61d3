import { describe, expect, inject, it } from 'vitest';
import { MANIFEST_TYPES } from '../../src/oci/mediaTypes.ts';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../support/events.ts';
import { rig } from '../support/push.ts';
import {
  manifestRequest,
  newManifest,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
  UNCHECKED,
} from '../support/pushManifest.ts';
import { putOf } from '../support/uploading.ts';

const IMMUTABLE = { IMMUTABLE_TAGS: 'v*,!v*-rc' };
const HOUR_MS = 3_600_000;
const ALICE = { authorization: 'Basic YWxpY2U6eA==' };
const BOB = { authorization: 'Basic Ym9iOng=' };

const get = (edge: Edge, { tagPath }: PushedManifest, headers = {}) =>
  edge.fetch(tagPath, manifestRequest('GET', undefined, headers));
/** Moves the tag at the origin, past the edge. */
const move = ({ name, tagPath }: PushedManifest) =>
  pushManifest({ name, tag: tagPath.slice(tagPath.lastIndexOf('/') + 1) });

describe('a push under a tag of IMMUTABLE_TAGS', () => {
  it.each<[string, Record<string, string>]>([
    ['a manifest that is held', {}],
    ['a manifest that would pass as a stream', UNCHECKED],
  ])('of another manifest is denied, and of the same one is not: %s', async (_what, variables) => {
    const old = await pushManifest({ tag: 'v1' });
    const other = await newManifest({ name: old.name, tag: 'v1' });
    const edge = createEdge({ ...IMMUTABLE, ...variables });
    const refused = await edge.fetch(old.tagPath, putOf(other, ALICE));
    expect([refused.status, await refused.json()]).toEqual([
      ...[403, { errors: [expect.objectContaining({ code: 'DENIED', detail: { policy: 'IMMUTABLE_TAGS' } })] }],
    ]);
    expect((await edge.fetch(old.tagPath, putOf(old, ALICE))).status).toBe(201);
    expect((await rig.requests(old.tagPath)).filter(({ method }) => method === 'PUT').length).toBe(2);
  });

  it.each(['v1-rc', 'latest'])('but not under %s', async (tag) => {
    const old = await pushManifest({ tag });
    const other = await newManifest({ name: old.name, tag });
    expect((await createEdge(IMMUTABLE).fetch(old.tagPath, putOf(other))).status).toBe(201);
  });

  it('that is new is one', async () => {
    const manifest = await newManifest({ tag: 'v1' });
    expect((await createEdge(IMMUTABLE).fetch(manifest.tagPath, putOf(manifest))).status).toBe(201);
  });

  it('by ?tag= is one, too', async () => {
    const old = await pushManifest({ tag: 'v1' });
    const other = await newManifest({ name: old.name });
    const edge = createEdge(IMMUTABLE);
    expect((await edge.fetch(`${other.path}?tag=latest&tag=v1`, putOf(other))).status).toBe(403);
    expect((await edge.fetch(`${other.path}?x=1;tag=v1`, putOf(other))).status).toBe(403);
    expect((await edge.fetch(`${other.path}?tag=latest`, putOf(other))).status).toBe(201);
  });

  it('holds for the repositories that are named with it', async () => {
    const [named, other] = [await pushManifest({ tag: 'v1' }), await pushManifest({ tag: 'v1' })];
    const edge = createEdge({ IMMUTABLE_TAGS: `${named.name}:v*` });
    const statusIn = async ({ name, tagPath }: PushedManifest) =>
      (await edge.fetch(tagPath, putOf(await newManifest({ name })))).status;
    expect([await statusIn(named), await statusIn(other)]).toEqual([403, 201]);
  });

  it.each([
    [500, 500],
    [429, 429],
    [405, 502],
    [200, 502],
  ])('is not sent where the origin does not say where the tag leads: %d', async (status, expected) => {
    const manifest = await newManifest({ tag: 'v1' });
    await rig.rule({ prefix: manifest.tagPath, method: 'HEAD', status });
    const edge = createEdge(IMMUTABLE);
    expect((await edge.fetch(manifest.tagPath, putOf(manifest))).status).toBe(expected);
    expect(await manifest.questions()).toEqual(['HEAD v1']);
  });

  it.each([401, 403])('is sent where the origin judges the caller: %d', async (status) => {
    const manifest = await newManifest({ tag: 'v1' });
    await rig.rule({ prefix: manifest.tagPath, method: 'HEAD', status });
    expect((await createEdge(IMMUTABLE).fetch(manifest.tagPath, putOf(manifest))).status).toBe(201);
  });

  it.each([UNCHECKED, {}])('of the same manifest leaves the tag where it is known to lead', async (variables) => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge({ ...IMMUTABLE, ...variables });
    await get(edge, manifest, ALICE);
    expect((await edge.fetch(manifest.tagPath, putOf(manifest, ALICE))).status).toBe(201);
    await move(manifest);
    const answer = await get(edge, manifest, ALICE);
    expect([await answer.text(), cacheStatusOf(answer)]).toEqual([manifest.bytes, expect.stringContaining('; hit')]);
  });

  it('of a tag that the origin has no more leads to what is pushed', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const other = await newManifest({ name: manifest.name, tag: 'v1' });
    const edge = createEdge(IMMUTABLE);
    await get(edge, manifest, ALICE);
    await fetch(inject('originUrl') + manifest.tagPath, { method: 'DELETE' });
    expect((await edge.fetch(manifest.tagPath, putOf(other, ALICE))).status).toBe(201);
    expect(await (await get(edge, manifest, ALICE)).text()).toBe(other.bytes);
  });

  it('is let through and told where policies are only reported', async () => {
    const old = await pushManifest({ tag: 'v1' });
    const other = await newManifest({ name: old.name, tag: 'v1' });
    const edge = createEdge({ ...IMMUTABLE, POLICY_MODE: 'report' });
    expect((await edge.fetch(old.tagPath, putOf(other))).status).toBe(201);
    expect(edge.log.join()).toContain('"reported":"IMMUTABLE_TAGS"');
  });

  it('is not deleted as a tag, but by the digest of its manifest', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge(IMMUTABLE);
    expect((await edge.fetch(manifest.tagPath, { method: 'DELETE' })).status).toBe(403);
    expect((await edge.fetch(manifest.path, { method: 'DELETE', headers: ALICE })).status).toBe(202);
    expect((await get(edge, manifest, ALICE)).status).toBe(404);
  });
});

describe('an answer about a tag of IMMUTABLE_TAGS', () => {
  it.each<[string, Record<string, string>]>([
    ['an open mirror', { CLIENT_AUTH: 'anonymous' }],
    ['callers of the origin who may push', {}],
  ])('comes from the cache for hours while the origin is dead: %s', async (_what, variables) => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge({ ...IMMUTABLE, ...variables });
    await get(edge, manifest, ALICE);
    for (let hours = 0; hours < 3; hours++) {
      edge.clock.advance(HOUR_MS - 1);
      // Whoever may push has to have proved its access within the last minute.
      if (!('CLIENT_AUTH' in variables)) await edge.fetch(manifest.path, manifestRequest('GET', undefined, ALICE));
      await rig.rule({ prefix: manifest.tagPath, status: 503, times: 1 });
      const answer = await get(edge, manifest, ALICE);
      expect([answer.status, await answer.text()]).toEqual([200, manifest.bytes]);
      expect(cacheStatusOf(answer)).toContain('; hit');
      await rig.forget(manifest.tagPath);
    }
  });

  it('is asked of the origin for a caller who has proved nothing', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge(IMMUTABLE);
    await get(edge, manifest, ALICE);
    await rig.rule({ prefix: manifest.tagPath, unlessAuthorization: ALICE.authorization, status: 401 });
    expect((await get(edge, manifest, BOB)).status).toBe(401);
  });

  it('does not follow a move at the origin, which the log tells', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge(IMMUTABLE);
    await get(edge, manifest, ALICE);
    await move(manifest);
    // A new credential proves its access by the origin's answer.
    const answer = await get(edge, manifest, BOB);
    expect([answer.status, await answer.text()]).toEqual([200, manifest.bytes]);
    expect(edge.log.join()).toContain('has moved at the origin, which is not followed');
    const again = await get(edge, manifest, BOB);
    expect([await again.text(), cacheStatusOf(again)]).toEqual([manifest.bytes, expect.stringContaining('; hit')]);
  });

  const DOCKER = [...MANIFEST_TYPES, '*/*'].join();
  const CRANE = MANIFEST_TYPES.toReversed().join(', ');
  const MOVES = [
    ['another client, which accepts all types, too', DOCKER, CRANE],
    ['a client that accepts less', DOCKER, OCI_MANIFEST],
    ['the same client', OCI_MANIFEST, OCI_MANIFEST],
  ].flatMap(([who = '', first = '', second = '']) =>
    (['HEAD', 'GET'] as const).flatMap((method) =>
      ['origin', 'anonymous'].map((clientAuth) => ({ who, first, second, method, clientAuth })),
    ),
  );
  it.each(MOVES)('does not follow a move after a $method for $who, CLIENT_AUTH=$clientAuth', async (given) => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge({ ...IMMUTABLE, CLIENT_AUTH: given.clientAuth });
    await edge.fetch(manifest.tagPath, manifestRequest(given.method, given.first, ALICE));
    await move(manifest);
    const answer = await edge.fetch(manifest.tagPath, manifestRequest('GET', given.second, BOB));
    expect(await answer.text()).toBe(manifest.bytes);
    const head = await edge.fetch(manifest.tagPath, manifestRequest('HEAD', given.second, BOB));
    expect(head.headers.get('docker-content-digest')).toBe(manifest.digest);
  });

  it('of which only a HEAD was asked costs one more question after a move, and the next one none', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge({ ...IMMUTABLE, CLIENT_AUTH: 'anonymous' });
    await edge.fetch(manifest.tagPath, manifestRequest('HEAD'));
    await move(manifest);
    const before = (await manifest.questions()).length;
    for (let n = 0; n < 2; n++) expect(await (await get(edge, manifest)).text()).toBe(manifest.bytes);
    expect((await manifest.questions()).slice(before)).toEqual(['GET v1', `GET ${manifest.digest}`]);
  });

  it.each([500, 429, 401])('follows no move while the origin answers %d about its manifest', async (status) => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge(IMMUTABLE);
    await edge.fetch(manifest.tagPath, manifestRequest('HEAD', undefined, ALICE));
    await move(manifest);
    await rig.rule({ prefix: manifest.path, status });
    expect((await get(edge, manifest, ALICE)).status).toBe(502);
  });

  it('follows a move to where the origin has the old manifest no more, and the log tells it', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge(IMMUTABLE);
    await edge.fetch(manifest.tagPath, manifestRequest('HEAD', undefined, ALICE));
    const moved = await move(manifest);
    await fetch(inject('originUrl') + manifest.path, { method: 'DELETE' });
    expect(await (await get(edge, manifest, ALICE)).text()).toBe(moved.bytes);
    expect(edge.log.join()).toContain('has to be followed, since the manifest is gone');
  });

  it('is not a manifest that the caller was just told to be absent', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge(IMMUTABLE);
    await get(edge, manifest, ALICE);
    const moved = await move(manifest);
    await rig.rule({ prefix: manifest.path, status: 404 });
    expect((await edge.fetch(manifest.path, manifestRequest('GET', undefined, BOB))).status).toBe(404);
    expect(await (await get(edge, manifest, BOB)).text()).toBe(moved.bytes);
  });

  it('does not follow a move that the registry announces, but a delete', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = createEdge({ ...IMMUTABLE, CLIENT_AUTH: 'anonymous', EVENTS_TOKEN });
    await get(edge, manifest);
    const moved = await move(manifest);
    const events = eventsOf(manifest.name);
    await sendEvents(edge, events.pushed(moved.digest, 'v1'));
    expect(await (await get(edge, manifest)).text()).toBe(manifest.bytes);
    await sendEvents(edge, events.deleted(manifest.digest));
    expect(await (await get(edge, manifest)).text()).toBe(moved.bytes);
  });
});

describe('TAG_TTLS', () => {
  it.each([
    ['latest', 29_000, true],
    ['latest', 31_000, false],
    ['v1', 3_000_000, true],
    ['other', 9_000, true],
    ['other', 11_000, false],
  ])('say how long a tag answers: %s after %d ms: %s', async (tag, ms, isHit) => {
    const manifest = await pushManifest({ tag });
    const edge = createEdge({ CLIENT_AUTH: 'anonymous', TAG_TTLS: 'latest=30s,v*=1d' });
    await get(edge, manifest);
    edge.clock.advance(ms);
    expect((cacheStatusOf(await get(edge, manifest)) ?? '').includes('; hit')).toBe(isHit);
  });
});
