import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { someDigest } from '../support/digests.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';

const HEAD = { method: 'HEAD' };

/** Holds the first answer about a blob, as it is before anything else happens. */
async function holdFirst(blob: Pushed, method = 'HEAD'): Promise<void> {
  const headers = { 'content-length': String(blob.bytes.length), 'content-type': 'application/octet-stream' };
  await rig.rule({ prefix: blob.path, method, status: 200, headers, holdAs: blob.digest, times: 1 });
}

/** How many HEADs of the blob the origin got. */
async function headsOf(blob: Pushed): Promise<number> {
  return (await blob.questions()).filter((question) => question === `HEAD ${blob.path}`).length;
}

describe('a grant', () => {
  it('lasts a minute from the start of the request that earned it, however late the answer was', async () => {
    const blob = await pushBlob();
    const other = await pushBlob(undefined, blob.name);
    const edge = createEdge();
    await holdFirst(blob);
    const slow = edge.send(blob.path, HEAD);
    await expect.poll(() => headsOf(blob)).toBe(1);
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
  it('lets nobody join another question', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '0' });
    await rig.rule({ prefix: blob.path, delayMs: 100 });
    const answers = await Promise.all([1, 2, 3].map(() => edge.fetch(blob.path, HEAD)));
    expect(await blob.asked()).toBe(3);
    expect(answers.filter((answer) => cacheStatusOf(answer)?.includes('collapsed'))).toEqual([]);
  });

  it('bypasses the cache for a caller with a grant, and says so', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '0' });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored; detail=unproven');
    for (let n = 0; n < 2; n++) {
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=bypass; stored');
    }
  });

  it('and DESCRIPTOR_TTL=0: nothing is written, and nobody says so', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '0', DESCRIPTOR_TTL: '0' });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; detail=unproven');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=bypass');
    expect(cacheStatusOf(await edge.fetch(blob.path))).toBe('registry-edge; fwd=bypass');
    expect((await env.DESCRIPTORS.list({ prefix: `blobs::${blob.name}::` })).keys).toEqual([]);
  });
});

describe('DESCRIPTOR_TTL=0', () => {
  it('bypasses the cache for a caller that only pulls; one that may push has its own window', async () => {
    const blob = await pushBlob();
    const mirror = createEdge({ DESCRIPTOR_TTL: '0', CLIENT_AUTH: 'anonymous' });
    const edge = createEdge({ DESCRIPTOR_TTL: '0' });
    for (let n = 0; n < 2; n++) expect(cacheStatusOf(await mirror.fetch(blob.path, HEAD))).toContain('fwd=bypass');
    await edge.fetch(blob.path, HEAD);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=kv');
  });
});

describe('close: a question that was asked before a write has no followers after it', () => {
  const name = (blob: Pushed) => `/v2/${blob.name}`;
  it.each<[string, string, (blob: Pushed) => string, string | undefined, number]>([
    ['PUT of a manifest', 'PUT', (blob) => `${name(blob)}/manifests/latest`, '{}', 2],
    ['PATCH of an upload', 'PATCH', (blob) => `${name(blob)}/blobs/uploads/unknown`, 'x', 2],
    ['POST of an upload', 'POST', (blob) => `${name(blob)}/blobs/uploads/`, undefined, 2],
    ['DELETE of a tag', 'DELETE', (blob) => `${name(blob)}/manifests/latest`, undefined, 2],
    ['DELETE of the blob', 'DELETE', (blob) => blob.path, undefined, 2],
    ['a write of an extension', 'PUT', (blob) => `${name(blob)}/manifests/blake3:abcd`, '{}', 2],
    ['no write at all', 'GET', (blob) => `${name(blob)}/tags/list`, undefined, 1],
    ['a write in another repository', 'PUT', (blob) => `${name(blob)}x/manifests/latest`, '{}', 1],
  ])('%s', async (_what, method, path, body, heads) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await holdFirst(blob);
    // Nobody has a grant, so that only the flight could answer.
    const before = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    await rig.rule({ prefix: blob.path, method: 'DELETE', status: 405 });
    const probed = method === 'DELETE' && path(blob) === blob.path ? 1 : 0;
    await edge.fetch(path(blob), { method, headers: { authorization: 'Basic d3JpdGVy' }, ...(body && { body }) });
    const after = edge.send(blob.path, HEAD);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await rig.release(blob.digest);
    expect([(await before.answer).status, (await after.answer).status]).toEqual([200, 200]);
    expect(await headsOf(blob)).toBe(heads + probed);
    await Promise.all([before.over, after.over]);
  });

  it('also after a PUT whose client left', async () => {
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
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    await rig.release(blob.digest);
    await before.over;
  });

  it('also after a DELETE without an answer', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ORIGIN_TIMEOUT: '1500ms' });
    const deleted = `/v2/${blob.name}/blobs/${someDigest()}`;
    await holdFirst(blob);
    await rig.rule({ prefix: deleted, method: 'DELETE', holdAs: deleted });
    const write = edge.send(deleted, { method: 'DELETE' });
    await expect.poll(() => blob.asked()).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 750));
    const before = edge.send(blob.path, HEAD);
    expect((await write.answer).status).toBe(502);
    // The question of before is still open: nobody waits for it.
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    expect(await Promise.race([before.answer, 'open'])).toBe('open');
    await rig.release(blob.digest);
    await Promise.all([before.over, write.over]);
  });
});
