import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { interceptObjects } from '../../support/durableStore.ts';
import { createEdge, type Edge } from '../../support/edge.ts';
import { type PushedImage, pushImage, pushIndex } from '../../support/images.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { rig } from '../../support/push.ts';
import { manifestRequest, pushManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';
import { usersWith } from '../../support/users.ts';
import { isHit } from '../../support/warm.ts';

const MIRROR = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', ADMIN_TOKEN };
const MOST_SUBREQUESTS = 40;

interface Answer {
  readonly done: { manifests: number; blobs: number; bytes: number; known: number; stored: number };
  readonly errors: readonly { image: string; error: string }[];
  readonly cursor?: string;
  readonly retryAfter?: string;
}

const post = (edge: Edge, body: unknown, headers: Record<string, string> = OPERATOR) =>
  edge.fetch('/_edge/warm', { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

/** Sends the request again with the cursor until there is none. @returns all answers */
async function warmAll(edge: Edge, asked: Record<string, unknown>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let cursor: string | undefined;
  do {
    const response = await post(edge, { ...asked, cursor });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as Answer;
    answers.push(answer);
    expect(answer.cursor === undefined || answer.cursor !== cursor).toBe(true);
    cursor = answer.cursor;
  } while (cursor !== undefined);
  return answers;
}

function sumOf(answers: readonly Answer[], what: keyof Answer['done']): number {
  return answers.reduce((sum, { done }) => sum + done[what], 0);
}

/** Pulls an image. @returns the requests that the origin gets for it */
async function pull(edge: Edge, { name, manifest, blobs }: PushedImage): Promise<string[]> {
  const before = (await rig.requests(`/v2/${name}/`)).length;
  expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(200);
  expect((await edge.fetch(manifest.path, manifestRequest('GET'))).status).toBe(200);
  for (const { path } of blobs) expect((await edge.fetch(path, { method: 'HEAD' })).status).toBe(200);
  return (await rig.requests(`/v2/${name}/`)).slice(before).map(({ method, path }) => `${method} ${path}`);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('POST /_edge/warm, cache in $name', ({ name: store, variables }) => {
  it('asks for an image, of which a pull by another client asks for the tag alone', async () => {
    const image = await pushImage(3);
    const edge = createEdge({ ...variables, ...MIRROR });
    const [answer, ...more] = await warmAll(edge, { images: [image.name] });
    const bytes = [image.manifest, ...image.blobs].reduce((sum, one) => sum + one.bytes.length, 0);
    expect([answer, more]).toEqual([{ done: { manifests: 1, blobs: 4, bytes, known: 0, stored: 0 }, errors: [] }, []]);
    expect(await pull(edge, image)).toEqual([`HEAD ${image.manifest.tagPath}`]);
    expect(sumOf(await warmAll(edge, { images: [image.name] }), 'known')).toBe(4);
  });

  it('costs at most 40 requests to origin and store at a time, and goes on where it was', async () => {
    const index = await pushIndex(['linux/amd64', 'linux/arm64'], 20);
    const edge = createMeteredEdge(store, MIRROR);
    const answers: Answer[] = [];
    let cursor: string | undefined;
    do {
      edge.spent();
      const before = (await rig.requests(`/v2/${index.name}/`)).length;
      const answer = (await (await post(edge, { images: [index.name], cursor })).json()) as Answer;
      const origin = (await rig.requests(`/v2/${index.name}/`)).length - before;
      expect(edge.spent().storeRequests + origin).toBeLessThanOrEqual(MOST_SUBREQUESTS);
      answers.push(answer);
      cursor = answer.cursor;
    } while (cursor !== undefined);
    expect([sumOf(answers, 'manifests'), sumOf(answers, 'blobs'), sumOf(answers, 'known')]).toEqual([3, 42, 0]);
    for (const { manifest, blobs } of index.images) {
      for (const { path } of blobs) expect(await isHit(edge, path)).toBe(true);
      expect((await edge.fetch(manifest.path, manifestRequest('GET'))).headers.get('cache-status')).toContain('; hit');
    }
    const asked = (await rig.requests(`/v2/${index.name}/blobs/sha256:`)).length;
    expect(asked).toBe(42);
  });
});

describe('POST /_edge/warm', () => {
  it('asks for the platforms that are named, and for all without', async () => {
    const index = await pushIndex(['linux/amd64', 'linux/arm64/v8', 'windows/amd64']);
    const warmedWith = async (platforms?: string[]) =>
      sumOf(
        await warmAll(createEdge({ ...MIRROR, BLOBDESCRIPTOR: 'inmemory' }), { images: [index.name], platforms }),
        'manifests',
      );
    expect([
      await warmedWith(),
      await warmedWith(['linux/arm64']),
      await warmedWith(['linux/amd64', 'windows/amd64']),
    ]).toEqual([4, 2, 3]);
    const [none] = await warmAll(createEdge(MIRROR), { images: [index.name], platforms: ['linux/s390x'] });
    expect(none?.errors).toEqual([{ image: index.name, error: 'the image has none of the platforms' }]);
  });

  it('goes on with the next image after one that the origin does not have, or lacks a blob of', async () => {
    const [broken, good] = [await pushImage(), await pushImage()];
    await rig.rule({ prefix: broken.blobs[1]?.path ?? '', status: 404 });
    const edge = createEdge(MIRROR);
    const images = ['none/such:v1', broken.name, `${good.name}@${good.manifest.digest}`];
    const answers = await warmAll(edge, { images });
    expect(answers.flatMap(({ errors }) => errors.map(({ image }) => image))).toEqual(images.slice(0, 2));
    expect(answers[0]?.errors[0]?.error).toBe('the origin answered 404 for /v2/none/such/manifests/v1');
    for (const { path } of good.blobs) expect(await isHit(edge, path)).toBe(true);
  });

  it('stops where the origin asks to wait, and says for how long', async () => {
    const image = await pushImage();
    await rig.rule({ prefix: image.manifest.tagPath, status: 429, headers: { 'retry-after': '7' }, times: 1 });
    const edge = createEdge(MIRROR);
    const answer = (await (await post(edge, { images: [image.name] })).json()) as Answer;
    expect(answer).toMatchObject({ cursor: '0.0.0', retryAfter: '7', errors: [] });
    edge.clock.advance(7_000);
    expect(sumOf(await warmAll(edge, { images: [image.name] }), 'blobs')).toBe(3);
  });

  it('asks for what a tag leads to under a cooldown', async () => {
    const old = await pushImage();
    const edge = createEdge({ ...MIRROR, TAG_TTL: '0', COOLDOWN: '3d' });
    await warmAll(edge, { images: [old.name] });
    edge.clock.advance(1);
    const moved = await pushImage(2, old.name);
    await warmAll(edge, { images: [old.name] });
    expect(await isHit(edge, moved.blobs[0]?.path ?? '')).toBe(false);
  });

  it('asks for what the origin says where nobody can tell what a tag has led to, as clients get it', async () => {
    const image = await pushImage();
    const variables = { ...MIRROR, COOLDOWN: '3d' };
    const objects = interceptObjects((method, _args, call) =>
      method === 'see' ? Promise.reject(new Error('overloaded')) : call(),
    );
    expect(sumOf(await warmAll(createEdge(variables, { objects }), { images: [image.name] }), 'blobs')).toBe(3);
    const denying = createEdge({ ...variables, COOLDOWN_UNKNOWN: 'deny' }, { objects });
    expect((await warmAll(denying, { images: [image.name] }))[0]?.errors).toHaveLength(1);
  });

  it('stores the bytes of blobs where the edge keeps them, once', async () => {
    const image = await pushImage(3);
    const edge = createEdge({ ...MIRROR, BLOB_STORE: 'r2' });
    expect(sumOf(await warmAll(edge, { images: [image.name] }), 'stored')).toBe(4);
    const before = (await rig.requests(`/v2/${image.name}/`)).length;
    for (const { path, bytes } of image.blobs) expect(await (await edge.fetch(path)).text()).toBe(bytes);
    expect((await rig.requests(`/v2/${image.name}/`)).length).toBe(before);
    expect(sumOf(await warmAll(edge, { images: [image.name] }), 'stored')).toBe(0);
  });

  it('does not store bytes that do not match their digest', async () => {
    const image = await pushImage(1);
    const [wrong] = image.blobs;
    const body = wrong?.bytes.replace(/./, 'X') ?? '';
    await rig.rule({ prefix: wrong?.path ?? '', method: 'GET', status: 200, body });
    const edge = createEdge({ ...MIRROR, BLOB_STORE: 'r2' });
    const answers = await warmAll(edge, { images: [image.name] });
    expect([sumOf(answers, 'blobs'), sumOf(answers, 'stored')]).toEqual([2, 1]);
  });

  it('gives back the room of the manifests that it has read', async () => {
    const index = await pushIndex(['linux/amd64', 'linux/arm64']);
    const made: Upstream[] = [];
    const upstream = (one: Upstream) => {
      made.push(one);
      return one;
    };
    await warmAll(createEdge({ ...MIRROR, BLOBDESCRIPTOR: 'inmemory' }, { upstream }), { images: [index.name] });
    expect(made.map(({ bodies }) => bodies.heldBytes)).toEqual([0]);
  });

  it('asks for nothing that a policy denies', async () => {
    const image = await pushImage();
    const [answer] = await warmAll(createEdge({ ...MIRROR, DENY_REPOSITORIES: image.name }), { images: [image.name] });
    expect(answer?.errors).toEqual([{ image: image.name, error: 'this edge does not serve the repository' }]);
    expect(await image.manifest.questions()).toEqual([]);
  });

  it('works where the edge has users of its own, and proves nothing of a caller', async () => {
    const image = await pushImage();
    const { variables, logins } = await usersWith({ puller: { pull: [image.name] } });
    const edge = createEdge({ ...variables, ADMIN_TOKEN });
    await warmAll(edge, { images: [image.name] });
    const [blob] = image.blobs;
    const statusOf = async (headers = {}) => (await edge.fetch(blob?.path ?? '', { method: 'HEAD', headers })).status;
    expect([await statusOf(logins.puller), await statusOf()]).toEqual([200, 401]);
    expect((await rig.requests(blob?.path ?? '')).length).toBe(1);
  });

  it('is left to the caller where the origin judges callers', async () => {
    const image = await pushImage();
    const answer = await post(createEdge({ ADMIN_TOKEN }), { images: [image.name] });
    expect([answer.status, await answer.json()]).toMatchObject([409, { errors: [{ code: 'UNSUPPORTED' }] }]);
    expect(await image.manifest.questions()).toEqual([]);
  });

  it('names repositories as clients do', async () => {
    const manifest = await pushManifest({ name: `library/${uniqueName().replaceAll('/', '-')}` });
    const edge = createEdge({ ...MIRROR, DEFAULT_NAMESPACE: 'library' });
    expect(sumOf(await warmAll(edge, { images: [manifest.name.slice('library/'.length)] }), 'manifests')).toBe(1);
  });

  it.each<[body: unknown, message: string]>([
    ['', 'expected a JSON object'],
    ['[]', 'expected a JSON object'],
    [{}, 'images: expected'],
    [{ images: [] }, 'images: expected'],
    [{ images: [1] }, 'images: expected'],
    [{ images: Array(101).fill('a') }, 'images: expected'],
    [{ images: ['a'], platforms: 'linux/amd64' }, 'platforms: expected'],
    [{ images: ['a'], platforms: ['amd64'] }, 'platforms: expected'],
    [{ images: ['a'], cursor: 'x' }, 'invalid cursor'],
    [{ images: ['a'], upstream: 'none' }, 'there is one upstream'],
    [{ images: ['a b'] }, 'repository name'],
    [{ images: ['a:b:c'] }, 'invalid image'],
    [{ images: ['a', 'localhost:8787/a'] }, 'invalid image: expected one without the host of a registry'],
    [{ images: ['a', 'localhost:8787/a'] }, '"image":"localhost:8787/a"'],
    [{ images: ['a@sha256:1'] }, 'the digest is not valid'],
    [{ images: [`a@blake3:${'0'.repeat(64)}`] }, 'the digest is not valid'],
    [{ images: ['x'.repeat(70_000)] }, 'at most 65536 bytes'],
  ])('says what is wrong with a body: %j', async (body, message) => {
    const answer = await post(createEdge(MIRROR), body);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(message);
  });

  it('ignores a cursor behind the end', async () => {
    const image = await pushImage();
    for (const cursor of ['5.0.0', '0.5.0', '0.0.99']) {
      const answer = (await (await post(createEdge(MIRROR), { images: [image.name], cursor })).json()) as Answer;
      expect([cursor, answer.cursor, answer.errors, answer.done.blobs]).toEqual([cursor, undefined, [], 0]);
    }
  });

  it('is for operators', async () => {
    const body = { images: [`a@${uniqueDigest()}`] };
    const { ADMIN_TOKEN: _token, ...unguarded } = MIRROR;
    expect((await post(createEdge(unguarded), body)).status).toBe(404);
    expect((await post(createEdge(MIRROR), body, { authorization: 'Bearer no' })).status).toBe(401);
    expect((await createEdge(MIRROR).fetch('/_edge/warm', { headers: OPERATOR })).status).toBe(405);
  });
});
