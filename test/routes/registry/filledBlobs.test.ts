import { describe, expect, it } from 'vitest';
import {
  createBytesEdge,
  fillsOf,
  isStored,
  MIRROR,
  meteredBucket,
  methodsSince,
  pull,
  someBytes,
} from '../../support/bytes.ts';
import { cacheStatusOf, type Edge, textOf } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { createMemoryBytes } from '../../support/memoryBytes.ts';
import { blobOf, type Pushed, pushBlob, rig } from '../../support/push.ts';
import type { Rule } from '../../support/rig.ts';
import { createScriptedServer } from '../../support/scripted.ts';
import { pushToStorage } from '../../support/storage.ts';

const KNOWN = { authorization: 'Basic a25vd246Y2FsbGVy' };

/** Creates an open mirror that keeps bytes, and a blob that the origin answers in another way. */
async function createMirror(rule?: Partial<Rule>, variables: Record<string, string> = {}) {
  const { bucket, spent } = meteredBucket();
  const edge = createBytesEdge({ ...MIRROR, ...variables }, { bucket });
  const blob = await pushBlob(someBytes());
  if (rule) await rig.rule({ prefix: blob.path, method: 'GET', status: 200, ...rule });
  return { edge, blob, spent };
}

describe('a whole GET of a blob that the edge does not have', () => {
  it('fills the byte store on its way', async () => {
    const { edge, blob, spent } = await createMirror();
    const { status, text, response } = await pull(edge, blob.path);
    expect([status, text === blob.bytes, cacheStatusOf(response)]).toEqual([
      200,
      true,
      'registry-edge; fwd=bypass; stored',
    ]);
    expect([fillsOf(edge), spent(), await isStored(blob)]).toEqual([['begun', 'stored'], ['get', 'put'], true]);
    expect(await blob.questions()).toEqual([`GET ${blob.path}`]);
  });

  it('fills it under a digest of another algorithm, too', async () => {
    const { edge } = await createMirror();
    const bytes = someBytes();
    const pushed = await pushBlob(bytes);
    const blob = await blobOf(bytes, pushed.name, 'sha512');
    const headers = { 'content-length': String(bytes.length), 'content-type': 'application/octet-stream' };
    await rig.rule({ prefix: blob.path, status: 200, headers, body: bytes });
    expect((await pull(edge, blob.path)).text).toBe(bytes);
    expect([fillsOf(edge), await isStored(blob)]).toEqual([['begun', 'stored'], true]);
  });

  it('fills any other backend in the same way', async () => {
    const store = createMemoryBytes();
    const edge = createBytesEdge(MIRROR, {
      upstream: (made) => ({ ...made, bytes: made.bytes && { ...made.bytes, store } }),
    });
    const blob = await pushBlob(someBytes());
    for (const expected of ['registry-edge; fwd=bypass; stored', 'registry-edge; hit; detail=memory']) {
      const { text, response } = await pull(edge, blob.path);
      expect([text === blob.bytes, cacheStatusOf(response)]).toEqual([true, expected]);
    }
    expect(await store.sizeOf(blob.digest)).toBe(blob.bytes.length);
  });

  it.each<[string, Partial<Rule>, Record<string, string>]>([
    ['its length is unknown', { headers: { 'transfer-encoding': 'chunked' }, body: 'abc' }, {}],
    ['it is encoded', { headers: { 'content-encoding': 'x-other', 'content-length': '3' }, body: 'abc' }, {}],
    ['it is empty', { headers: { 'content-length': '0' } }, {}],
    ['a cache on the way answered', { headers: { age: '7', 'content-length': '3' }, body: 'abc' }, {}],
    ['it is a page', { headers: { 'content-type': 'text/html', 'content-length': '3' }, body: 'abc' }, {}],
  ])('fills nothing if %s', async (_what, rule, variables) => {
    const { edge, blob, spent } = await createMirror(rule, variables);
    expect(await pull(edge, blob.path)).toMatchObject({ status: 200, text: rule.body ?? '' });
    expect([fillsOf(edge), spent()]).toEqual([[], ['get']]);
  });

  it('fills nothing if it is larger than BLOB_MAX_BYTES', async () => {
    const { edge, spent } = await createMirror(undefined, { BLOB_MAX_BYTES: '1MiB' });
    const blob = await pushBlob(someBytes(1024 * 1024 + 1));
    expect((await pull(edge, blob.path)).text === blob.bytes).toBe(true);
    expect([fillsOf(edge), spent()]).toEqual([[], ['get']]);
  });

  it('fills nothing for a caller with another identity besides its Authorization', async () => {
    const edge = createBytesEdge();
    const blob = await pushBlob(someBytes());
    expect((await pull(edge, blob.path, { cookie: 'session=1' })).text).toBe(blob.bytes);
    expect(fillsOf(edge)).toEqual([]);
  });
});

describe('bytes that do not match their digest', () => {
  const wrong = (bytes: string, length = bytes.length) => ({
    headers: { 'content-length': String(length), 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  const KINDS: readonly [string, (bytes: string) => Partial<Rule>][] = [
    ['one byte is another', (bytes) => wrong(`${bytes.slice(0, 500)}X${bytes.slice(501)}`)],
    ['the last byte is another', (bytes) => wrong(`${bytes.slice(0, -1)}X`)],
    ['bytes are missing, with a length that says so', (bytes) => wrong(bytes.slice(0, -10))],
    ['bytes are added, with a length that says so', (bytes) => wrong(`${bytes}0123456789`)],
    ['it is quite another blob', (bytes) => wrong(someBytes(bytes.length))],
  ];

  it.each(KINDS)('are never stored, and reach the client broken: %s', async (_what, ruleFor) => {
    const { edge, blob } = await createMirror();
    await rig.rule({ prefix: blob.path, method: 'GET', status: 200, ...ruleFor(blob.bytes) });
    const { status, text } = await pull(edge, blob.path);
    expect([status, text, fillsOf(edge)]).toEqual([200, 'broken', ['begun', 'wrong']]);
    expect(await isStored(blob)).toBe(false);
    expect(edge.log.join()).toContain('do not match their digest');
  });

  it('rest for a minute: until then the origin’s bytes are passed on as they come', async () => {
    const { edge, blob } = await createMirror();
    await rig.rule({ prefix: blob.path, method: 'GET', ...wrong(someBytes()), status: 200, times: 2 });
    expect((await pull(edge, blob.path)).text).toBe('broken');
    expect((await pull(edge, blob.path)).text).not.toBe('broken');
    edge.clock.advance(60_000);
    expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
    expect(fillsOf(edge)).toEqual(['begun', 'wrong', 'begun', 'stored']);
  });

  it('that break off on the way are never stored, and broken for the client as at the origin', async () => {
    const bytes = someBytes();
    const blob = await pushBlob(bytes);
    const headers = { 'content-length': String(bytes.length), connection: 'close' };
    const origin = createScriptedServer({ headers, body: bytes.slice(0, 1_000) });
    const edge = createBytesEdge({ ...MIRROR, ORIGIN_URL: origin.url });
    expect(await pull(edge, blob.path)).toMatchObject({ status: 200, text: 'broken' });
    expect([fillsOf(edge), await isStored(blob)]).toEqual([['begun', 'broken'], false]);
  });
});

describe('a fill in trouble', () => {
  it.each([
    ['refuses', () => Promise.reject(new Error('refused'))],
    [
      'reads half a body and fails',
      async (_key: string, body: ReadableStream<Uint8Array>) => {
        await body.getReader().read();
        throw new Error('down');
      },
    ],
  ])('does not keep the blob from the client: R2 %s', async (_what, put) => {
    const { bucket } = meteredBucket({ put });
    const edge = createBytesEdge(MIRROR, { bucket });
    const blob = await pushBlob(someBytes(300_000));
    for (let times = 0; times < 2; times++) expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
    expect(fillsOf(edge)).toEqual(['begun', 'failed', 'begun', 'failed']);
  });

  it('is ended where its client leaves early: the origin is told, and nothing is stored', async () => {
    const bytes = someBytes();
    const blob = await pushBlob(bytes);
    const headers = { 'content-length': String(bytes.length) };
    const origin = createScriptedServer({ headers, bodyWaitMs: 5_000, body: '{long}', long: bytes.length });
    const leaving = new AbortController();
    const edge = createBytesEdge({ ...MIRROR, ORIGIN_URL: origin.url });
    const { answer, over } = edge.send(blob.path, { signal: leaving.signal });
    const broken = expect((await answer).arrayBuffer()).rejects.toThrow();
    leaving.abort();
    await Promise.all([broken, over]);
    await expect.poll(async () => (await origin.calls()).map(({ outcome }) => outcome)).toEqual(['left']);
    expect([fillsOf(edge), await isStored(blob)]).toEqual([['begun', 'left'], false]);
  });
});

describe('many GETs of one blob at once', () => {
  it('fill once, and each gets the bytes from the origin meanwhile', async () => {
    const { edge, blob, spent } = await createMirror();
    const pulled = await Promise.all(Array.from({ length: 10 }, () => pull(edge, blob.path)));
    expect(pulled.every(({ text }) => text === blob.bytes)).toBe(true);
    expect(spent().filter((operation) => operation === 'put')).toHaveLength(1);
    expect([fillsOf(edge), await blob.asked()]).toEqual([['begun', 'stored'], 10]);
  });

  it('do not wait for a client that reads slowly: after a minute another one may fill', async () => {
    const { edge, blob } = await createMirror();
    const slow = edge.send(blob.path);
    await slow.answer;
    for (const fills of [['begun'], ['begun', 'begun', 'stored']]) {
      expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
      expect(fillsOf(edge)).toEqual(fills);
      edge.clock.advance(60_000);
    }
    expect(await textOf(await slow.answer)).toBe(blob.bytes);
    await slow.over;
  });
});

describe('a part of a blob that the edge does not have', () => {
  it('comes from the origin, and the whole is fetched and stored after the reply', async () => {
    const { edge, blob, spent } = await createMirror();
    const part = await pull(edge, blob.path, { range: 'bytes=5-9', 'if-range': `"${blob.digest}"` });
    expect([part.status, part.text]).toEqual([206, blob.bytes.slice(5, 10)]);
    expect([spent(), fillsOf(edge), await isStored(blob)]).toEqual([['head', 'put'], ['begun', 'stored'], true]);
    const asked = await rig.requests(blob.path);
    expect(asked.map(({ method, headers }) => [method, headers.range])).toEqual([
      ['GET', 'bytes=5-9'],
      ['GET', undefined],
    ]);
    expect((await pull(edge, blob.path, { range: 'bytes=-5' })).text).toBe(blob.bytes.slice(-5));
    // The cache has no entry yet, since only a whole answer teaches it.
    expect(await methodsSince(blob, 2)).toEqual(['HEAD']);
  });

  it('causes no further fetch for a minute where the first failed', async () => {
    const { edge, blob } = await createMirror();
    await rig.rule({
      prefix: blob.path,
      method: 'GET',
      status: 206,
      headers: { 'content-range': 'bytes 0-0/9' },
      body: 'x',
    });
    for (let times = 0; times < 3; times++)
      expect((await pull(edge, blob.path, { range: 'bytes=0-0' })).status).toBe(206);
    expect([fillsOf(edge), await blob.asked()]).toEqual([['begun', 'failed'], 4]);
    edge.clock.advance(60_000);
    await pull(edge, blob.path, { range: 'bytes=0-0' });
    expect(await blob.asked()).toBe(6);
  });

  it('causes none where the whole is more than passes after a reply', async () => {
    const size = 256 * 1024 * 1024 + 1;
    const { edge, blob } = await createMirror({
      status: 206,
      headers: { 'content-range': `bytes 0-0/${size}` },
      body: 'x',
    });
    await pull(edge, blob.path, { range: 'bytes=0-0' });
    expect([fillsOf(edge), await blob.asked()]).toEqual([[], 1]);
  });

  it('causes none for a caller without a grant whom the origin refuses', async () => {
    const edge = createBytesEdge();
    const blob = await pushBlob(someBytes());
    await rig.rule({ prefix: blob.path, status: 403 });
    await pull(edge, blob.path, { range: 'bytes=0-0', ...KNOWN });
    expect([fillsOf(edge), await blob.asked()]).toEqual([[], 1]);
  });
});

describe('a blob that the origin redirects to its storage', () => {
  const storedBy = async (variables: Record<string, string>): Promise<[Edge, Pushed & { at: string }]> => {
    const edge = createBytesEdge(variables);
    const blob = await pushToStorage({ bytes: someBytes(10_000) });
    await earnGrant(edge, blob, KNOWN);
    edge.log.length = 0;
    return [edge, blob];
  };

  it('is fetched from there after the reply, without a credential', async () => {
    const [edge, blob] = await storedBy({ REDIRECT_HOSTS: 'localhost' });
    expect((await pull(edge, blob.path, KNOWN)).status).toBe(307);
    expect([fillsOf(edge), await isStored(blob)]).toEqual([['begun', 'stored'], true]);
    const asked = await rig.requests(blob.at);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('is not fetched where REDIRECT_HOSTS does not allow it', async () => {
    const [edge, blob] = await storedBy({ REDIRECT_HOSTS: 'other.example.com' });
    expect((await pull(edge, blob.path, KNOWN)).status).toBe(307);
    expect([fillsOf(edge), await rig.requests(blob.at)]).toEqual([['begun', 'failed'], []]);
  });

  it('fills on its way to the client where the edge follows the redirect', async () => {
    const [edge, blob] = await storedBy({ REDIRECT_HOSTS: 'localhost', BLOB_REDIRECT: 'follow' });
    expect((await pull(edge, blob.path, KNOWN)).text).toBe(blob.bytes);
    expect([fillsOf(edge), (await rig.requests(blob.at)).length]).toEqual([['begun', 'stored'], 1]);
  });
});
