import { describe, expect, inject, it } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../../src/stores/descriptors.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { grant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import type { Rule } from '../../support/rig.ts';
import { scripted } from '../../support/scripted.ts';

const HEAD = { method: 'HEAD' };
const DELETE = { method: 'DELETE' };
const OTHER_CALLER = { authorization: 'Basic b3RoZXI6Y2FsbGVy' };
const HIT = /registry-edge; hit/;

const textOf = async (response: Response) => new TextDecoder().decode(await response.arrayBuffer());
const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Earns the caller a grant by something else in the repository. */

/** The origin answers the blob's GET, and only that, otherwise. */
const rule = (blob: Pushed, change: Partial<Rule>) => rig.rule({ prefix: blob.path, method: 'GET', ...change });

/** An edge whose origin answers every GET of a blob with this. */
function edgeBefore(response: Response): Edge {
  const answer = (sentAt: number) => ({ response, first: response, isDirect: true, sentAt });
  return createEdge(
    {},
    { upstream: (made) => ({ ...made, origin: { ...made.origin, getBlob: async (ctx) => answer(ctx.now()) } }) },
  );
}

describe('GET of a blob: the stream', () => {
  it.each<[string, Record<string, string>]>([
    ['ends', {}],
    ['breaks half-way, with Content-Length', { 'content-length': '9' }],
    ['breaks half-way, without', {}],
  ])(
    'reaches the client while more of it is under way, and %s there as it does at the origin',
    async (end, headers) => {
      const { path } = await pushBlob();
      const { readable, writable } = new TransformStream<Uint8Array>();
      const writer = writable.getWriter();
      const answer = await edgeBefore(new Response(readable, { headers })).send(path).answer;
      const reader = answer.body?.getReader();
      for (const byte of [1, 2]) {
        const [, read] = await Promise.all([writer.write(new Uint8Array([byte])), reader?.read()]);
        expect(read?.value).toEqual(new Uint8Array([byte]));
      }
      const last = reader?.read().then(
        ({ done }) => done && 'ends',
        () => 'breaks',
      );
      await (end === 'ends' ? writer.close() : writer.abort(new Error('the origin has left')));
      expect(end).toContain(await last);
    },
  );

  it('that ends before its Content-Length is broken for the client too', async () => {
    const { path } = await pushBlob();
    const origin = scripted({ headers: { 'content-length': '99', connection: 'close' }, body: 'only this' });
    const answer = await createEdge({ ORIGIN_URL: origin.url }).fetch(path);
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '99']);
    await expect(answer.arrayBuffer()).rejects.toThrow();
  });

  it('takes as long as it takes: ORIGIN_TIMEOUT ends with the headers', async () => {
    const { path } = await pushBlob();
    const origin = scripted({ headers: { 'content-length': '4' }, bodyWaitMs: 400, body: 'late' });
    expect(await textOf(await createEdge({ ORIGIN_URL: origin.url, ORIGIN_TIMEOUT: '200ms' }).fetch(path))).toBe(
      'late',
    );
  });

  it('ends at the origin when the client leaves', async () => {
    const { path } = await pushBlob();
    const origin = scripted({ headers: { 'content-length': '4' }, bodyWaitMs: 2_000, body: 'late' });
    const leaving = new AbortController();
    const { answer } = createEdge({ ORIGIN_URL: origin.url }).send(path, { signal: leaving.signal });
    const broken = expect((await answer).arrayBuffer()).rejects.toThrow();
    leaving.abort();
    await broken;
    await expect.poll(async () => (await origin.calls()).map(({ outcome }) => outcome)).toEqual(['left']);
  });
});

describe('GET of a blob: validators', () => {
  it.each<[string, Record<string, string>]>([
    ['the digest, quoted', { etag: '"D"', 'accept-ranges': 'bytes', 'docker-content-digest': 'D' }],
    ['none', {}],
    ['the digest, not quoted', { etag: 'D' }],
    ['a weak ETag', { etag: 'W/"D"', 'accept-ranges': 'none' }],
    ['an ETag of object storage', { etag: '"9b2cf535f27731c974343645a3985328-2"', 'accept-ranges': 'bytes' }],
  ])('are those of HEAD in a 200 and a 206, whatever the origin sends: %s', async (_what, sent) => {
    const blob = await pushBlob();
    const edge = createEdge();
    const head = validatorsOf(await edge.fetch(blob.path, HEAD));
    expect(head).toEqual([`"${blob.digest}"`, 'bytes', blob.digest, 'registry/2.0']);
    const own = Object.entries(sent).map(([name, value]) => [name, value.replace('D', blob.digest)]);
    const content = { 'content-type': 'application/octet-stream', 'content-range': 'bytes 0-35/36' };
    for (const [status, headers] of [
      [200, {}],
      [206, { range: 'bytes=0-' }],
    ] as const) {
      await rule(blob, { status, times: 1, headers: { ...content, ...Object.fromEntries(own) }, body: blob.bytes });
      const get = await edge.fetch(blob.path, { headers });
      expect([get.status, validatorsOf(get)]).toEqual([status, head]);
      expect(await textOf(get)).toBe(blob.bytes);
    }
  });
});

function validatorsOf({ headers }: Response): (string | null)[] {
  const names = ['etag', 'accept-ranges', 'docker-content-digest', 'docker-distribution-api-version'];
  return names.map((name) => headers.get(name));
}

describe('GET of a blob: what it teaches', () => {
  it.each<[string, string, Record<string, string>, Partial<Rule> | undefined, RegExp]>([
    ['a whole 200 is known to HEAD', '0123456789', {}, undefined, HIT],
    ['a zero-byte blob too', '', {}, undefined, HIT],
    ['a whole 200 in place of a range too', '0123456789', { range: 'bytes=-3' }, undefined, HIT],
    ['a 206 is not', '0123456789', { range: 'bytes=2-4' }, undefined, /fwd=miss/],
    ['a 200 of no certain length is not', 'abc', {}, { headers: { 'transfer-encoding': 'chunked' } }, /fwd=miss/],
    ['an encoded 200 is not', 'abc', {}, { headers: { 'content-encoding': 'x-other' } }, /fwd=miss/],
  ])('%s', async (_what, bytes, headers, change, expected) => {
    const blob = await pushBlob(bytes);
    const edge = createEdge();
    if (change) await rule(blob, { status: 200, body: bytes, ...change });
    const get = await edge.fetch(blob.path, { headers });
    expect(await textOf(get)).toBe(headers.range === 'bytes=2-4' ? '234' : bytes);
    const head = await edge.fetch(blob.path, HEAD);
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)]);
    expect(cacheStatusOf(head)).toMatch(expected);
  });

  it('nothing with a query that is not known, nor is that answer changed', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await grant(edge, blob);
    await rule(blob, { status: 200, headers: { 'content-length': '3', etag: 'other' }, body: 'abc' });
    const get = await edge.fetch(`${blob.path}?x=1`, { headers: { 'if-none-match': blob.digest } });
    expect([get.status, get.headers.get('etag'), await textOf(get)]).toEqual([200, 'other', 'abc']);
    expect(cacheStatusOf(get)).toBe('registry-edge; fwd=bypass');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });
});

describe('GET of a blob: what it evicts', () => {
  it.each<[string, Record<string, string>, RequestInit]>([
    ['by a caller with a grant', {}, {}],
    ['by a stranger whom the origin serves', {}, { headers: OTHER_CALLER }],
    ['on an open mirror, from memory too', { CLIENT_AUTH: 'anonymous' }, {}],
  ])('a size that a whole answer contradicts, and logs it: %s', async (_what, variables, init) => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    await edge.fetch(blob.path, HEAD);
    await rule(blob, { status: 200, headers: { 'content-length': '5' }, body: 'other' });
    const get = await edge.fetch(blob.path, init);
    expect([get.status, await textOf(get)]).toEqual([200, 'other']);
    const warning = edge.log.find((line) => line.includes('contradicted')) ?? '{}';
    expect(JSON.parse(warning)).toMatchObject({ level: 'warn', digest: blob.digest });
    const head = await edge.fetch(blob.path, HEAD);
    expect([cacheStatusOf(head), head.headers.get('content-length')]).toEqual([
      'registry-edge; fwd=miss; stored',
      String(blob.bytes.length),
    ]);
  });

  it.each([
    ['a whole answer of the same size', {}],
    ['a 206', { range: 'bytes=0-1' }],
  ])('nothing after %s', async (_what, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await edge.fetch(blob.path, { headers });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toMatch(HIT);
    expect(edge.log.join()).not.toContain('contradicted');
  });

  it('what stands, after a 404 to a caller with a grant', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await fetch(inject('originUrl') + blob.path, DELETE);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toMatch(HIT);
    expect((await edge.fetch(blob.path)).status).toBe(404);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it.each([
    [404, OTHER_CALLER],
    [429, {}],
    [500, {}],
  ])('nothing after a %i to %o', async (status, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await rule(blob, { status });
    const before = edge.log.length;
    expect((await edge.fetch(blob.path, { headers })).status).toBe(status);
    expect(edge.log.slice(before).join()).not.toMatch(/"kind":"(?:stat|clear|write-back)"/);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toMatch(HIT);
  });

  it('what it tells of a blob that is deleted while it is under way', async () => {
    const [blob, slow] = [await pushBlob(), await pushBlob()];
    const edge = createEdge();
    await rule(slow, { status: 200, body: slow.bytes, holdAs: slow.digest, times: 1 });
    const early = edge.send(blob.path);
    expect((await early.answer).status).toBe(200);
    const late = edge.send(slow.path);
    await expect.poll(() => slow.asked()).toBe(1);
    edge.clock.advance(1_000);
    for (const { path } of [blob, slow]) expect((await edge.fetch(path, DELETE)).status).toBe(202);
    edge.clock.advance(10_000);
    await rig.release(slow.digest);
    expect(await Promise.all([early, late].map(async ({ answer }) => textOf(await answer)))).toEqual([
      blob.bytes,
      slow.bytes,
    ]);
    await Promise.all([early.over, late.over]);
    for (const { path } of [blob, slow]) expect((await edge.fetch(path, HEAD)).status).toBe(404);
  });
});

describe('GET of a blob: a store in trouble', () => {
  const stuck = () => new Promise<never>(() => {});
  const failed = () => Promise.reject(new CacheFault('down'));
  /** The same store, which cannot be read. */
  const unread = (provider: BlobDescriptorCacheProvider, stat: () => Promise<never>): BlobDescriptorCacheProvider => ({
    repositoryScoped: (...scope) => ({ ...provider.repositoryScoped(...scope), stat }),
  });

  it.each<[string, Record<string, string>, () => Promise<never>, Record<string, string>, string, number]>([
    ['silent, a whole GET', { CACHE_TIMEOUT: '20s' }, stuck, {}, 'GET', 200],
    ['failing, a whole GET', {}, failed, {}, 'GET', 200],
    ['silent, a range', { CACHE_TIMEOUT: '50ms' }, stuck, { range: 'bytes=2-3' }, 'GET', 206],
    ['failing, a range', { CACHE_TIMEOUT: '20s' }, failed, { range: 'bytes=2-3' }, 'GET', 206],
    ['silent, an impossible range', { CACHE_TIMEOUT: '50ms' }, stuck, { range: 'bytes=99-' }, 'GET', 416],
    ['silent, a condition', { CACHE_TIMEOUT: '50ms' }, stuck, { 'if-none-match': '*' }, 'HEAD', 304],
    ['failing, a condition', { CACHE_TIMEOUT: '20s' }, failed, { 'if-none-match': '*' }, 'HEAD', 304],
  ])('%s: the origin answers, without delay', async (...row) => {
    const [, variables, stat, headers, method, status] = row;
    const blob = await pushBlob();
    const edge = createEdge(variables, { upstream: (made) => ({ ...made, shared: unread(made.shared, stat) }) });
    await grant(edge, blob);
    const answer = await Promise.race([edge.send(blob.path, { headers }).answer, passed(2_000)]);
    expect(answer).toMatchObject({ status });
    expect(await blob.questions()).toEqual([`${method} ${blob.path}`]);
  });
});
