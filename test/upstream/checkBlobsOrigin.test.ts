import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import {
  acceptAll,
  confirmedLongAgo,
  headEach,
  lose,
  manifestNaming,
  newImage,
  put,
  watchOrigin,
} from '../support/commit.ts';
import { createEdge, textOf } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { createMeteredEdge } from '../support/metered.ts';
import { blobOf, type Pushed, pushBlob, rig } from '../support/push.ts';
import { manifestRequest } from '../support/pushManifest.ts';
import { byPut, putOf } from '../support/uploading.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const PUSH_ONLY = { authorization: 'Basic cHVzaDpvbmx5' };
const INMEMORY = { BLOBDESCRIPTOR: 'inmemory' };

/** An edge that confirmed all blobs of an image long ago. */
async function edgeBefore(layers?: number, variables: Record<string, string> = INMEMORY) {
  const image = await newImage(layers);
  const edge = createEdge(variables);
  await confirmedLongAgo(edge, image);
  const prefix = `/v2/${image.manifest.name}/blobs/`;
  return { edge, ...image, prefix };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a manifest whose blobs are not confirmed goes on', () => {
  it.each([401, 403, 405, 501])('if the origin answers %i to questions of blobs', async (status) => {
    const { edge, manifest, prefix } = await edgeBefore();
    await rig.rule({ prefix, status });
    expect((await put(edge, manifest)).status).toBe(201);
  });

  it.each([
    ['Age', { age: '7' }],
    ['CF-Cache-Status', { 'cf-cache-status': 'HIT' }],
  ])('if a cache on the way remembers that a blob is absent: %s', async (_header, headers) => {
    const { edge, manifest, prefix } = await edgeBefore();
    await rig.rule({ prefix, status: 404, headers });
    expect((await put(edge, manifest)).status).toBe(201);
  });

  it.each([401, 403, 405, 501])(
    'after one question, if the origin answers %i to a caller without a grant: for example, it may only push',
    async (status) => {
      const image = await newImage();
      const edge = createMeteredEdge('durable');
      await headEach(edge, image.blobs, ALICE);
      edge.spent();
      const prefix = `/v2/${image.manifest.name}/blobs/`;
      await rig.rule({ prefix, status, unlessAuthorization: ALICE.authorization });
      const asked = await watchOrigin(image.manifest);
      const { blobs, manifest } = image;
      const { answer, over } = edge.send(manifest.path, {
        ...{ method: 'PUT', body: manifest.bytes },
        headers: { 'content-type': manifest.mediaType, ...PUSH_ONLY },
      });
      expect((await answer).status).toBe(201);
      const questions = (await asked()).filter((question) => !question.startsWith('PUT'));
      expect(new Set(questions.map((question) => question.split(' ')[1]))).toEqual(new Set([blobs[0]?.digest]));
      await over;
    },
  );

  it('without a question, if the origin has just refused a caller without a credential, as this one is', async () => {
    const { blobs, manifest } = await newImage();
    const edge = createEdge(INMEMORY);
    const prefix = `/v2/${manifest.name}/`;
    await rig.rule({ prefix, status: 401, unlessAuthorization: ALICE.authorization });
    expect((await edge.fetch(manifest.path, manifestRequest('HEAD'))).status).toBe(401);
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest)).status).toBe(401);
    expect(await asked()).toEqual([`PUT ${manifest.digest}`]);
    // With a credential the client is another caller.
    expect((await put(edge, manifest, ALICE)).status).toBe(201);
    expect(await asked()).toHaveLength(1 + blobs.length + 1);
    // The origin may have changed its mind after a minute.
    edge.clock.advance(60_000);
    const later = await watchOrigin(manifest);
    expect((await put(edge, manifest)).status).toBe(401);
    expect(await later()).toHaveLength(2);
  });

  it('with no question for what another token has just uploaded, once the caller has proved its access', async () => {
    const { name } = await pushBlob();
    const blobs = await Promise.all(Array.from({ length: 3 }, () => blobOf(crypto.randomUUID(), name)));
    const edge = createEdge({ ...INMEMORY });
    // What the other token was told to be absent is evicted before its proof counts.
    expect(await headEach(edge, blobs, PUSH_ONLY)).toEqual([404, 404, 404]);
    edge.clock.advance(1);
    for (const blob of blobs) await (await byPut(edge, blob, ALICE)).over;
    const manifest = await manifestNaming(blobs);
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest, PUSH_ONLY)).status).toBe(201);
    expect(await asked()).toEqual([`HEAD ${blobs[0]?.digest}`, `PUT ${manifest.digest}`]);
  });

  it('after the first question has proved access, with the others looked up and not asked for', async () => {
    const { blobs, manifest } = await newImage();
    const edge = createMeteredEdge('durable');
    await headEach(edge, blobs, ALICE);
    edge.spent();
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest, PUSH_ONLY)).status).toBe(201);
    expect(await asked()).toEqual([`HEAD ${blobs[0]?.digest}`, `PUT ${manifest.digest}`]);
  });

  it('without a look and with a question for each blob, if another header may say who calls', async () => {
    const { blobs, manifest } = await newImage();
    const edge = createMeteredEdge('durable');
    await headEach(edge, blobs);
    edge.spent();
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest, { cookie: 'a=b' })).status).toBe(201);
    expect(await asked()).toEqual([...blobs.map(({ digest }) => `HEAD ${digest}`), `PUT ${manifest.digest}`].sort());
    expect(edge.spent().storeRequests).toBe(0);
  });

  it('if the origin limits its requests: after the time that it names, in rounds of as many as it answered', async () => {
    const { edge, manifest, prefix } = await edgeBefore(11);
    const headers = { 'retry-after': '1' };
    // The first rule in force wins: eight are refused, then four more.
    await rig.rule({ prefix, method: 'HEAD', status: 429, headers, times: 8 });
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest)).status).toBe(201);
    expect(await asked()).toHaveLength(12 + 8 + 1);
  });
});

describe('a manifest whose blobs are not confirmed is answered', () => {
  it.each([500, 502, 503])('with the failure, and not sent, if the origin answers %i', async (status) => {
    const { edge, manifest, prefix, blobs } = await edgeBefore();
    await rig.rule({ prefix: blobs[1]?.path ?? '', status, headers: { 'retry-after': '9' } });
    const asked = await watchOrigin(manifest);
    const answer = await put(edge, manifest);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, '9']);
    expect(JSON.parse(await textOf(answer))).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    expect(await asked()).not.toContain(`PUT ${manifest.digest}`);
    // The answers that arrived are not lost.
    await rig.forget(prefix);
  });

  it.each([
    ['at once, if it names a long time', '120', 1],
    ['after a second attempt, if it refuses everything', '1', 2],
    ['after a second attempt, if it names no time', undefined, 2],
    ['after a second attempt, if it names a time in the past', 'Thu, 01 Jan 1970 00:00:00 GMT', 2],
    ['after a second attempt, if it names a time that cannot be read', '0.5', 2],
  ])('with the 429 of an origin that limits its requests: %s', async (_when, after, rounds) => {
    const { edge, manifest, prefix } = await edgeBefore(0);
    const headers: Record<string, string> = after ? { 'retry-after': after } : {};
    await rig.rule({ prefix, status: 429, headers });
    const asked = await watchOrigin(manifest);
    const answer = await put(edge, manifest);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, after ?? null]);
    expect(JSON.parse(await textOf(answer))).toMatchObject({ errors: [{ code: 'TOOMANYREQUESTS' }] });
    expect((await asked()).length).toBe(rounds);
  });

  it('with an error if the origin does not answer in time, which is waited for once and not once a blob', async () => {
    const { edge, manifest, prefix } = await edgeBefore(12, { ...INMEMORY, ORIGIN_TIMEOUT: '500ms' });
    await rig.rule({ prefix, delayMs: 3_000, status: 200 });
    const startedAt = Date.now();
    expect((await put(edge, manifest)).status).toBe(502);
    expect(Date.now() - startedAt).toBeLessThan(2_500);
  });

  it('with a refusal if a blob is gone, even if the origin fails to answer for another', async () => {
    const { edge, manifest, blobs } = await edgeBefore();
    await lose(blobs[1] as Pushed);
    await rig.rule({ prefix: blobs[2]?.path ?? '', status: 503, delayMs: 200 });
    expect((await put(edge, manifest)).status).toBe(400);
  });
});

it('a manifest is refused if the storage to which the origin redirects has lost a blob', async () => {
  const { edge, manifest, blobs } = await edgeBefore();
  const lost = blobs[1] as Pushed;
  const storage = `/storage/${crypto.randomUUID()}`;
  await rig.rule({ prefix: storage, status: 404 });
  await rig.rule({ prefix: lost.path, status: 307, headers: { location: storage } });
  await acceptAll(manifest);
  expect(await headEach(edge, [lost])).toEqual([200]);
  const refused = await put(edge, manifest);
  expect([refused.status, JSON.parse(await textOf(refused))]).toMatchObject([
    400,
    { errors: [{ detail: lost.digest }] },
  ]);
  // The client follows the redirect, finds nothing, and uploads the blob again.
  expect(await headEach(edge, [lost])).toEqual([307]);
});

it('a blob that was deleted after its upload is asked for, though its uploader has no grant to look it up', async () => {
  const { name } = await pushBlob();
  const blob = await blobOf(crypto.randomUUID(), name);
  const edge = createEdge(INMEMORY);
  await (await byPut(edge, blob, PUSH_ONLY)).over;
  edge.clock.advance(1);
  expect((await edge.fetch(blob.path, { method: 'DELETE', headers: ALICE })).status).toBe(202);
  const manifest = await manifestNaming([blob]);
  await acceptAll(manifest);
  expect((await put(edge, manifest, PUSH_ONLY)).status).toBe(400);
});

it('a refused manifest of a stranger, to whom the origin hides its blobs, evicts nothing for others', async () => {
  const { blobs, manifest } = await newImage();
  const edge = createEdge(INMEMORY);
  expect(await headEach(edge, blobs, ALICE)).toEqual([200, 200, 200, 200]);
  await rig.rule({ prefix: `/v2/${manifest.name}/blobs/`, status: 404, unlessAuthorization: ALICE.authorization });
  expect((await put(edge, manifest, PUSH_ONLY)).status).toBe(400);
  const asked = await watchOrigin(manifest);
  expect(await headEach(edge, blobs, ALICE)).toEqual([200, 200, 200, 200]);
  expect(await asked()).toEqual([]);
});

it('a manifest that is checked while the store cannot be read goes on, and no blob is written back', async () => {
  const { blobs, manifest } = await newImage();
  const written: string[] = [];
  const namespace = {
    get: () => Promise.reject(new Error('the store is down')),
    put: async (key: string) => void written.push(key),
  } as unknown as DescriptorNamespace;
  const edge = createEdge({}, { namespace });
  await earnGrant(edge, manifest);
  const { answer, over } = edge.send(manifest.path, putOf(manifest));
  expect((await answer).status).toBe(201);
  await over;
  expect(written.filter((key) => blobs.some(({ digest }) => key.includes(digest)))).toEqual([]);
});

it('a manifest goes on if the origin redirects questions to the page of a sign-on', async () => {
  const { edge, manifest, prefix } = await edgeBefore();
  const page = `/sign-on/${crypto.randomUUID()}`;
  await rig.rule({ prefix: page, status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' });
  await rig.rule({ prefix, status: 307, headers: { location: page } });
  expect((await put(edge, manifest)).status).toBe(201);
});

it('the check follows the questions that HEADs have just begun', async () => {
  const { edge, manifest, blobs } = await edgeBefore(6);
  const path = `/v2/${manifest.name}/blobs/`;
  await rig.rule({ prefix: path, method: 'HEAD', delayMs: 300 });
  const asked = await watchOrigin(manifest);
  const heads = blobs.map((blob) => edge.send(blob.path, { method: 'HEAD' }));
  for (const { answer } of heads) expect((await answer).headers.get('cache-status')).toContain('hit; ttl=-');
  expect((await put(edge, manifest)).status).toBe(201);
  await Promise.all(heads.map(({ over }) => over));
  expect(await asked()).toEqual([...blobs.map(({ digest }) => `HEAD ${digest}`), `PUT ${manifest.digest}`].sort());
});

it('a HEAD does not wait for the questions that a check has not sent yet', async () => {
  const { blobs, manifest } = await newImage(49);
  const edge = createEdge(INMEMORY);
  await earnGrant(edge, manifest);
  await rig.rule({ prefix: `/v2/${manifest.name}/blobs/`, method: 'HEAD', delayMs: 200 });
  const asked = await watchOrigin(manifest);
  const { answer } = edge.send(manifest.path, putOf(manifest));
  await vi.waitFor(async () => expect((await asked()).length).toBeGreaterThan(0));
  const last = blobs.at(-1) as Pushed;
  expect((await edge.send(last.path, { method: 'HEAD' }).answer).status).toBe(200);
  expect((await asked()).length).toBeLessThan(25);
  expect((await answer).status).toBe(201);
});

it('two manifests that come at the same time share their questions', async () => {
  const { edge, manifest, blobs, prefix } = await edgeBefore(19);
  await rig.rule({ prefix, method: 'HEAD', delayMs: 50 });
  const asked = await watchOrigin(manifest);
  const pushed = await Promise.all([put(edge, manifest), put(edge, await manifestNaming(blobs))]);
  expect(pushed.map(({ status }) => status)).toEqual([201, 201]);
  expect((await asked()).filter((question) => question.startsWith('HEAD'))).toHaveLength(blobs.length);
});

it('at most five questions are asked at the same time', async () => {
  const { edge, manifest, prefix } = await edgeBefore(19);
  await rig.rule({ prefix, method: 'HEAD', delayMs: 200 });
  const startedAt = Date.now();
  expect((await put(edge, manifest)).status).toBe(201);
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(4 * 200);
});

it.each(['?ns=registry.example.com', '?ns', '?tag=v2'])(
  'a manifest is checked whatever its query: %s',
  async (query) => {
    const { edge, manifest, blobs } = await edgeBefore();
    await lose(blobs[1] as Pushed);
    expect((await edge.fetch(manifest.path + query, putOf(manifest))).status).toBe(400);
  },
);

describe('with PUSH_STALE_WHILE_REVALIDATE=0 or PUSH_EXISTENCE_TTL=0', () => {
  it.each(['PUSH_STALE_WHILE_REVALIDATE', 'PUSH_EXISTENCE_TTL'])('%s: no manifest is checked', async (variable) => {
    const { blobs } = await newImage();
    const edge = createEdge({ ...INMEMORY, [variable]: '0' });
    const manifest = await manifestNaming(blobs);
    await earnGrant(edge, manifest);
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest)).status).toBe(201);
    expect(await asked()).toEqual([`PUT ${manifest.digest}`]);
  });
});
