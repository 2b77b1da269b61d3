import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import {
  createBytesEdge,
  createWarm,
  MIRROR,
  meteredBucket,
  methodsSince,
  pull,
  someBytes,
  WARM_SIZE,
} from '../../support/bytes.ts';
import { cacheStatusOf, createEdge, stableHeaders, textOf } from '../../support/edge.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { pushBlob, rig } from '../../support/push.ts';

const HEAD = { method: 'HEAD' };
afterEach(() => {
  vi.restoreAllMocks();
});

const HIT = 'registry-edge; hit; detail=r2';

describe('a GET of a blob whose bytes the edge has', () => {
  it.each<[string, Record<string, string>, number, string | null, (bytes: string) => string]>([
    ['the whole', {}, 200, null, (bytes) => bytes],
    ['a part', { range: 'bytes=5-9' }, 206, 'bytes 5-9/100000', (bytes) => bytes.slice(5, 10)],
    ['the rest', { range: 'bytes=99990-' }, 206, 'bytes 99990-99999/100000', (bytes) => bytes.slice(-10)],
    ['all as a part', { range: 'bytes=0-' }, 206, 'bytes 0-99999/100000', (bytes) => bytes],
    [
      'a part past the end',
      { range: 'bytes=99990-200000' },
      206,
      'bytes 99990-99999/100000',
      (bytes) => bytes.slice(-10),
    ],
    ['the last bytes', { range: 'bytes=-10' }, 206, 'bytes 99990-99999/100000', (bytes) => bytes.slice(-10)],
    ['more last bytes than there are', { range: 'bytes=-200000' }, 206, 'bytes 0-99999/100000', (bytes) => bytes],
    [
      'a part if it is the same',
      { range: 'bytes=5-9', 'if-range': '"D"' },
      206,
      'bytes 5-9/100000',
      (bytes) => bytes.slice(5, 10),
    ],
    ['the whole if it is another', { range: 'bytes=5-9', 'if-range': '"other"' }, 200, null, (bytes) => bytes],
  ])('is answered without the origin, with one read: %s', async (_what, given, status, contentRange, part) => {
    const { edge, blob, spent } = await createWarm();
    const headers = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, value.replace('D', blob.digest)]),
    );
    const { response, text } = await pull(edge, blob.path, headers);
    expect([response.status, response.headers.get('content-range'), cacheStatusOf(response)]).toEqual([
      status,
      contentRange,
      HIT,
    ]);
    expect(text).toBe(part(blob.bytes));
    expect(response.headers.get('content-length')).toBe(String(text.length));
    expect([spent(), await blob.asked()]).toEqual([['get'], 1]);
  });

  it('has the headers of the origin’s answer, as the edge states them', async () => {
    const { edge, blob } = await createWarm();
    const cold = stableHeaders((await pull(createEdge(MIRROR), blob.path)).response);
    const warm = stableHeaders((await pull(edge, blob.path)).response);
    // No cache on the way may remember that the blob exists.
    expect(warm).toEqual({ ...cold, 'cache-control': 'no-cache, no-transform' });
  });

  it('is a 416 beyond the end, also where this isolate has not seen the origin serve ranges', async () => {
    const { edge, blob, bucket, spent } = await createWarm();
    const unseen = createBytesEdge(MIRROR, { bucket });
    for (const [at, operations] of [
      [edge, []],
      [unseen, ['head']],
    ] as const) {
      const { response, status } = await pull(at, blob.path, { range: 'bytes=100000-' });
      expect([status, response.headers.get('content-range')]).toEqual([416, 'bytes */100000']);
      expect(response.headers.get('docker-content-digest')).toBe(blob.digest);
      expect(spent()).toEqual(operations);
    }
    expect(await blob.asked()).toBe(1);
  });

  it('is a 304 to If-None-Match, without a read', async () => {
    const { edge, blob, spent } = await createWarm();
    const { status, text } = await pull(edge, blob.path, { 'if-none-match': `"${blob.digest}"`, range: 'bytes=0-1' });
    expect([status, text, spent(), await blob.asked()]).toEqual([304, '', [], 1]);
  });

  it.each<[string, Record<string, string>]>([
    ['several parts', { range: 'bytes=0-1,5-6' }],
    ['another unit', { range: 'items=0-1' }],
    ['a range that ends before it begins', { range: 'bytes=9-5' }],
    ['no last bytes', { range: 'bytes=-0' }],
    ['if-match', { 'if-match': '"other"' }],
    ['if-unmodified-since', { 'if-unmodified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' }],
    ['if-modified-since', { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }],
  ])('is answered by the origin as it answers that: %s', async (_what, headers) => {
    const { edge, blob, spent } = await createWarm();
    await rig.rule({ prefix: blob.path, method: 'GET', status: 418, body: 'as the origin would' });
    const { status, text } = await pull(edge, blob.path, headers);
    expect([status, text, spent(), await methodsSince(blob, 1)]).toEqual([418, 'as the origin would', [], ['GET']]);
  });

  it('has the same 300 random parts as at the origin', async () => {
    const { edge, blob } = await createWarm();
    const random = (below: number) => Math.floor(Math.random() * below);
    for (let count = 0; count < 300; count++) {
      const first = random(WARM_SIZE);
      const range =
        [`bytes=${first}-${first + random(5_000)}`, `bytes=${first}-`, `bytes=${first}-${first}`][random(3)] ?? '';
      const origin = await fetch(inject('originUrl') + blob.path, { headers: { range } });
      const { response, status, text } = await pull(edge, blob.path, { range });
      expect([range, status, response.headers.get('content-range')]).toEqual([
        range,
        origin.status,
        origin.headers.get('content-range'),
      ]);
      expect(text === (await textOf(origin))).toBe(true);
    }
    expect((await blob.questions()).filter((question) => question.startsWith('HEAD'))).toEqual([]);
  });

  it('is answered from the bytes that another repository brought, after one HEAD', async () => {
    const { edge, blob, spent } = await createWarm();
    for (const [headers, operations, text] of [
      [{}, ['get'], blob.bytes],
      [{ range: 'bytes=1-3' }, ['head', 'get'], blob.bytes.slice(1, 4)],
    ] as const) {
      const other = await pushBlob(blob.bytes);
      const answer = await pull(edge, other.path, headers);
      expect([answer.text === text, spent(), await methodsSince(other, 0)]).toEqual([true, operations, ['HEAD']]);
      expect(cacheStatusOf(answer.response)).toBe('registry-edge; fwd=miss; stored; detail=r2');
      const again = await pull(edge, other.path, headers);
      expect([again.text === text, spent(), await other.asked()]).toEqual([true, ['get'], 1]);
    }
  });

  it('costs one HEAD past DESCRIPTOR_TTL, which renews the entry', async () => {
    const { edge, blob, spent } = await createWarm({ ...MIRROR, DESCRIPTOR_TTL: '10s' });
    edge.clock.advance(10_000);
    const renewed = await pull(edge, blob.path, { range: 'bytes=0-1' });
    expect([renewed.status, cacheStatusOf(renewed.response)]).toEqual([
      206,
      'registry-edge; fwd=stale; stored; detail=r2',
    ]);
    expect([spent(), await methodsSince(blob, 1)]).toEqual([['get'], ['HEAD']]);
    const { status, response } = await pull(edge, blob.path);
    expect([status, cacheStatusOf(response), spent(), await blob.asked()]).toEqual([200, HIT, ['get'], 2]);
  });

  it.each(['kv', 'durable', 'redis'])(
    'costs one lookup in %s for a caller that may push, and no question',
    async (store) => {
      const { bucket } = meteredBucket();
      const edge = createMeteredEdge(store, { BLOB_STORE: 'r2' }, { bucket });
      const blob = await pushBlob(someBytes());
      await pull(edge, blob.path);
      edge.spent();
      const { response, status } = await pull(edge, blob.path);
      expect([status, cacheStatusOf(response), await blob.asked()]).toEqual([200, HIT, 1]);
      expect(edge.spent().storeRequests).toBe(1);
    },
  );

  it('leaves HEADs as they are: they read no bytes', async () => {
    const { edge, blob, spent } = await createWarm();
    const plain = createEdge(MIRROR);
    await pull(plain, blob.path, { range: 'bytes=0-1' });
    const head = await edge.fetch(blob.path, HEAD);
    expect(stableHeaders(head)).toEqual(stableHeaders(await plain.fetch(blob.path, HEAD)));
    expect([cacheStatusOf(head), spent()]).toEqual(['registry-edge; hit; detail=memory', []]);
  });
});
