import { describe, expect, inject, it } from 'vitest';
import type { AnswerKind } from '../../../src/access/authorizer.ts';
import { delay } from '../../../src/async.ts';
import type { BlobDescriptorCacheProvider } from '../../../src/cache/provider.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { cacheStatusOf, createEdge, type Edge, textOf } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import type { Rule } from '../../support/rig.ts';
import { createScriptedServer } from '../../support/scripted.ts';

const HEAD = { method: 'HEAD' };
const DELETE = { method: 'DELETE' };
const OTHER_CALLER = { authorization: 'Basic b3RoZXI6Y2FsbGVy' };
const HIT = /registry-edge; hit/;

/** Changes how the origin answers a GET of the blob. */
const rule = (blob: Pushed, change: Partial<Rule>) => rig.rule({ prefix: blob.path, method: 'GET', ...change });

/** Creates an edge whose origin answers every GET of a blob with this response. */
function createEdgeWith(response: Response): Edge {
  const answer = (sentAt: number) => ({ response, first: response, isDirect: true, sentAt });
  return createEdge(
    {},
    { upstream: (made) => ({ ...made, origin: { ...made.origin, getBlob: async (ctx) => answer(ctx.now()) } }) },
  );
}

describe('the stream of a blob', () => {
  it.each<[string, Record<string, string>]>([
    ['ends', {}],
    ['breaks half-way, with a Content-Length', { 'content-length': '9' }],
    ['breaks half-way, without a Content-Length', {}],
  ])('reaches the client piece by piece, and %s for it as at the origin', async (end, headers) => {
    const { path } = await pushBlob();
    const { readable, writable } = new TransformStream<Uint8Array>();
    const writer = writable.getWriter();
    const answer = await createEdgeWith(new Response(readable, { headers })).send(path).answer;
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
  });

  it('is broken for the client, too, where it ends before its Content-Length', async () => {
    const { path } = await pushBlob();
    const origin = createScriptedServer({
      headers: { 'content-length': '99', connection: 'close' },
      body: 'only this',
    });
    const answer = await createEdge({ ORIGIN_URL: origin.url }).fetch(path);
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '99']);
    await expect(answer.arrayBuffer()).rejects.toThrow();
  });

  it('may take longer than ORIGIN_TIMEOUT, which only bounds the headers', async () => {
    const { path } = await pushBlob();
    const origin = createScriptedServer({ headers: { 'content-length': '4' }, bodyWaitMs: 400, body: 'late' });
    expect(await textOf(await createEdge({ ORIGIN_URL: origin.url, ORIGIN_TIMEOUT: '200ms' }).fetch(path))).toBe(
      'late',
    );
  });

  it('is cancelled at the origin when the client leaves', async () => {
    const { path } = await pushBlob();
    const origin = createScriptedServer({ headers: { 'content-length': '4' }, bodyWaitMs: 2_000, body: 'late' });
    const leaving = new AbortController();
    const { answer } = createEdge({ ORIGIN_URL: origin.url }).send(path, { signal: leaving.signal });
    const broken = expect((await answer).arrayBuffer()).rejects.toThrow();
    leaving.abort();
    await broken;
    await expect.poll(async () => (await origin.calls()).map(({ outcome }) => outcome)).toEqual(['left']);
  });
});

describe('the validators of a GET of a blob', () => {
  it.each<[string, Record<string, string>]>([
    ['a quoted digest', { etag: '"D"', 'accept-ranges': 'bytes', 'docker-content-digest': 'D' }],
    ['no validators', {}],
    ['a bare digest', { etag: 'D' }],
    ['a weak ETag', { etag: 'W/"D"', 'accept-ranges': 'none' }],
    ['an ETag of object storage', { etag: '"9b2cf535f27731c974343645a3985328-2"', 'accept-ranges': 'bytes' }],
  ])('equal those of a HEAD, in a 200 and a 206, where the origin sends %s', async (_what, sent) => {
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

describe('from a GET of a blob the cache learns', () => {
  it.each<[string, string, Record<string, string>, Partial<Rule> | undefined, RegExp]>([
    ['existence and size, from a whole 200', '0123456789', {}, undefined, HIT],
    ['the same of an empty blob', '', {}, undefined, HIT],
    ['the same from a whole 200 to a range', '0123456789', { range: 'bytes=-3' }, undefined, HIT],
    ['nothing from a 206', '0123456789', { range: 'bytes=2-4' }, undefined, /fwd=miss/],
    ['nothing from a 200 without a length', 'abc', {}, { headers: { 'transfer-encoding': 'chunked' } }, /fwd=miss/],
    ['nothing from an encoded 200', 'abc', {}, { headers: { 'content-encoding': 'x-other' } }, /fwd=miss/],
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

  it('nothing from an answer to an unknown query, which is relayed unchanged', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await earnGrant(edge, blob);
    await rule(blob, { status: 200, headers: { 'content-length': '3', etag: 'other' }, body: 'abc' });
    const get = await edge.fetch(`${blob.path}?x=1`, { headers: { 'if-none-match': blob.digest } });
    expect([get.status, get.headers.get('etag'), await textOf(get)]).toEqual([200, 'other', 'abc']);
    expect(cacheStatusOf(get)).toBe('registry-edge; fwd=bypass');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });
});

describe('a GET of a blob', () => {
  it.each<[string, Record<string, string>, RequestInit]>([
    ['a caller with a grant', {}, {}],
    ['a stranger whom the origin serves', {}, { headers: OTHER_CALLER }],
    ['a caller of an open mirror', { CLIENT_AUTH: 'anonymous' }, {}],
  ])('evicts, and logs, a size that a whole answer to %s contradicts', async (_what, variables, init) => {
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
    ['a whole 200 of the same size', {}],
    ['a 206', { range: 'bytes=0-1' }],
  ])('evicts nothing after %s', async (_what, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await edge.fetch(blob.path, { headers });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toMatch(HIT);
    expect(edge.log.join()).not.toContain('contradicted');
  });

  it.each<AnswerKind[]>([['HEAD blobs'], ['GET blobs']])(
    'evicts the blob after a 404 to a caller with a grant for %s',
    async (...kinds) => {
      const blob = await pushBlob();
      const edge = createEdge();
      await edge.fetch(blob.path, HEAD);
      if (kinds.includes('GET blobs')) await earnGrant(edge, blob, {}, kinds);
      await fetch(inject('originUrl') + blob.path, DELETE);
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toMatch(HIT);
      expect((await edge.fetch(blob.path)).status).toBe(404);
      expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
    },
  );

  it.each([
    [404, OTHER_CALLER],
    [429, {}],
    [500, {}],
  ])('evicts nothing after a %i to a caller with %j', async (status, headers) => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await rule(blob, { status });
    const before = edge.log.length;
    expect((await edge.fetch(blob.path, { headers })).status).toBe(status);
    expect(edge.log.slice(before).join()).not.toMatch(/"kind":"(?:stat|clear|write-back)"/);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toMatch(HIT);
  });

  it('learns nothing of a blob that is deleted during the GET', async () => {
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

describe('a GET of a blob with a failing store', () => {
  const hang = () => new Promise<never>(() => {});
  const fail = () => Promise.reject(new CacheFault('down'));
  /** Returns the same store with another `stat`. */
  const withStat = (
    provider: BlobDescriptorCacheProvider,
    stat: () => Promise<never>,
  ): BlobDescriptorCacheProvider => ({
    ...provider,
    peek: undefined,
    repositoryScoped: (...scope) => ({ ...provider.repositoryScoped(...scope), stat }),
  });

  it.each<[string, Record<string, string>, () => Promise<never>, Record<string, string>, string, number]>([
    ['a whole GET, the store silent', { CACHE_TIMEOUT: '20s' }, hang, {}, 'GET', 200],
    ['a whole GET, the store failing', {}, fail, {}, 'GET', 200],
    ['a range, the store silent', { CACHE_TIMEOUT: '50ms' }, hang, { range: 'bytes=2-3' }, 'GET', 206],
    ['a range, the store failing', { CACHE_TIMEOUT: '20s' }, fail, { range: 'bytes=2-3' }, 'GET', 206],
    ['an impossible range, the store silent', { CACHE_TIMEOUT: '50ms' }, hang, { range: 'bytes=99-' }, 'GET', 416],
    ['a condition, the store silent', { CACHE_TIMEOUT: '50ms' }, hang, { 'if-none-match': '*' }, 'HEAD', 304],
    ['a condition, the store failing', { CACHE_TIMEOUT: '20s' }, fail, { 'if-none-match': '*' }, 'HEAD', 304],
  ])('is answered by the origin without delay: %s', async (...row) => {
    const [, variables, stat, headers, method, status] = row;
    const blob = await pushBlob();
    const edge = createEdge(variables, { upstream: (made) => ({ ...made, shared: withStat(made.shared, stat) }) });
    await earnGrant(edge, blob);
    const answer = await Promise.race([edge.send(blob.path, { headers }).answer, delay(2_000)]);
    expect(answer).toMatchObject({ status });
    expect(await blob.questions()).toEqual([`${method} ${blob.path}`]);
  });
});
