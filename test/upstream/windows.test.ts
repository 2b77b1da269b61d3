import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { uniqueDigest } from '../support/digests.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';

const HEAD = { method: 'HEAD' };

/** Holds the origin's first answer about a blob: it says that the blob exists, whatever happens afterwards. */
async function holdFirst(blob: Pushed, method = 'HEAD'): Promise<void> {
  const headers = { 'content-length': String(blob.bytes.length), 'content-type': 'application/octet-stream' };
  await rig.rule({ prefix: blob.path, method, status: 200, headers, holdAs: blob.digest, times: 1 });
}

/** Counts the HEADs of the blob that the origin got. */
async function countHeads(blob: Pushed): Promise<number> {
  return (await blob.questions()).filter((question) => question === `HEAD ${blob.path}`).length;
}

describe('a grant', () => {
  it('lasts one minute from the start of the request that earned it, however late the answer came', async () => {
    const blob = await pushBlob();
    const other = await pushBlob(undefined, blob.name);
    const edge = createEdge();
    await holdFirst(blob);
    const slow = edge.send(blob.path, HEAD);
    await expect.poll(() => countHeads(blob)).toBe(1);
    edge.clock.advance(50_000);
    await rig.release(blob.digest);
    await slow.over;
    edge.clock.advance(9_999);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
    edge.clock.advance(1);
    expect(cacheStatusOf(await edge.fetch(other.path, HEAD))).toContain('unproven');
  });
});

describe('PUSH_EXISTENCE_TTL=0', () => {
  it('lets no request join another', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '0' });
    await rig.rule({ prefix: blob.path, holdAs: blob.digest, times: 1 });
    const open = edge.fetch(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    const others = [2, 3].map(() => edge.fetch(blob.path, HEAD));
    await expect.poll(() => blob.asked()).toBe(3);
    await rig.release(blob.digest);
    const answers = await Promise.all([open, ...others]);
    expect(answers.filter((answer) => cacheStatusOf(answer)?.includes('collapsed'))).toEqual([]);
  });

  it('bypasses the cache and writes nothing where every caller may push, and reports that', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ BLOBDESCRIPTOR: 'kv', PUSH_EXISTENCE_TTL: '0' });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; detail=unproven');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=bypass');
    expect(cacheStatusOf(await edge.fetch(blob.path))).toBe('registry-edge; fwd=bypass');
    expect((await env.DESCRIPTORS.list({ prefix: `blobs::${blob.name}::` })).keys).toEqual([]);
  });
});

describe('a question about a tag', () => {
  it.each([
    ['without a grant', false],
    ['with a grant', true],
  ])('is shared with no caller that may push: %s', async (_what, isGranted) => {
    const { name, tagPath } = await pushManifest();
    const edge = createEdge();
    if (isGranted) await earnGrant(edge, { name });
    await rig.rule({ prefix: tagPath, delayMs: 100 });
    const before = (await rig.requests(tagPath)).length;
    await Promise.all([1, 2, 3].map(() => edge.fetch(tagPath, manifestRequest('HEAD'))));
    expect((await rig.requests(tagPath)).length - before).toBe(3);
  });
});

describe('DESCRIPTOR_TTL=0', () => {
  it('bypasses the cache for callers that only pull; those that may push have their own window', async () => {
    const blob = await pushBlob();
    const mirror = createEdge({ DESCRIPTOR_TTL: '0', CLIENT_AUTH: 'anonymous' });
    const edge = createEdge({ DESCRIPTOR_TTL: '0' });
    for (let n = 0; n < 2; n++) expect(cacheStatusOf(await mirror.fetch(blob.path, HEAD))).toContain('fwd=bypass');
    await edge.fetch(blob.path, HEAD);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=durable');
  });
});

it.each([
  ['within', 4_999, 1],
  ['after', 5_000, 2],
])(
  'a caller that may push follows a question %s PUSH_EXISTENCE_TTL, %i ms old: %i in all',
  async (_when, ageMs, heads) => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '5s' });
    await holdFirst(blob);
    const before = edge.send(blob.path, HEAD);
    await expect.poll(() => countHeads(blob)).toBe(1);
    edge.clock.advance(ageMs);
    const after = edge.send(blob.path, HEAD);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await countHeads(blob)).toBe(heads);
    await rig.release(blob.digest);
    await Promise.all([before.over, after.over]);
  },
);

describe('a question that was asked before a write has no followers after it', () => {
  const repository = (blob: Pushed) => `/v2/${blob.name}`;
  it.each<[string, string, (blob: Pushed) => string, string | undefined, number]>([
    ['a PUT of a manifest', 'PUT', (blob) => `${repository(blob)}/manifests/latest`, '{}', 2],
    ['a DELETE of a tag', 'DELETE', (blob) => `${repository(blob)}/manifests/latest`, undefined, 2],
    ['a DELETE of the blob', 'DELETE', (blob) => blob.path, undefined, 2],
    ['a write of an extension', 'PUT', (blob) => `${repository(blob)}/manifests/blake3:abcd`, '{}', 2],
    ['unless it is a piece of an upload', 'PATCH', (blob) => `${repository(blob)}/blobs/uploads/unknown`, 'x', 1],
    ['unless it opens an upload', 'POST', (blob) => `${repository(blob)}/blobs/uploads/`, undefined, 1],
    ['unless it is only a read', 'GET', (blob) => `${repository(blob)}/tags/list`, undefined, 1],
    ['unless it is in another repository', 'PUT', (blob) => `${repository(blob)}x/manifests/latest`, '{}', 1],
  ])('%s', async (_what, method, pathOf, body, heads) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await holdFirst(blob);
    // Nobody has a grant, so only the flight could answer.
    const before = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    await rig.rule({ prefix: blob.path, method: 'DELETE', status: 405 });
    const probed = method === 'DELETE' && pathOf(blob) === blob.path ? 1 : 0;
    await edge.fetch(pathOf(blob), { method, headers: { authorization: 'Basic d3JpdGVy' }, ...(body && { body }) });
    const after = edge.send(blob.path, HEAD);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await rig.release(blob.digest);
    expect([(await before.answer).status, (await after.answer).status]).toEqual([200, 200]);
    expect(await countHeads(blob)).toBe(heads + probed);
    await Promise.all([before.over, after.over]);
  });

  it('nor after a PUT whose client has left', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const manifest = `/v2/${blob.name}/manifests/latest`;
    await holdFirst(blob);
    await rig.rule({ prefix: manifest, method: 'PUT', holdAs: manifest });
    const before = edge.send(blob.path, HEAD);
    const client = new AbortController();
    const write = edge.send(manifest, { method: 'PUT', body: '{}', signal: client.signal });
    await expect.poll(() => blob.asked()).toBe(2);
    client.abort();
    await write.over.catch(() => undefined);
    const after = edge.send(blob.path, HEAD);
    // A follower would ask for itself too, but only after ten seconds.
    await expect.poll(() => countHeads(blob), { timeout: 5_000 }).toBe(2);
    expect((await after.answer).status).toBe(200);
    await rig.release(blob.digest);
    await Promise.all([before.over, after.over]);
  });

  it('nor after a DELETE that the origin did not answer', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ORIGIN_TIMEOUT: '4s' });
    const deleted = `/v2/${blob.name}/blobs/${uniqueDigest()}`;
    await holdFirst(blob);
    await rig.rule({ prefix: deleted, method: 'DELETE', holdAs: deleted });
    const write = edge.send(deleted, { method: 'DELETE' });
    await expect.poll(() => blob.asked()).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const before = edge.send(blob.path, HEAD);
    expect((await write.answer).status).toBe(502);
    // The earlier question is still open, and nobody waits for it.
    const after = edge.send(blob.path, HEAD);
    await expect.poll(() => countHeads(blob), { timeout: 5_000 }).toBe(2);
    expect((await after.answer).status).toBe(200);
    expect(await Promise.race([before.answer, 'open'])).toBe('open');
    await rig.release(blob.digest);
    await Promise.all([before.over, after.over, write.over]);
  });
});
