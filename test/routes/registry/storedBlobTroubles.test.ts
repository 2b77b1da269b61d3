import { describe, expect, it } from 'vitest';
import { delay } from '../../../src/async.ts';
import {
  createBytesEdge,
  createWarm,
  MIRROR,
  meteredBucket,
  methodsSince,
  pull,
  WARM_SIZE,
} from '../../support/bytes.ts';
import { cacheStatusOf } from '../../support/edge.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { createScriptedServer } from '../../support/scripted.ts';

const HEAD = { method: 'HEAD' };

describe('a blob that contradicts the bytes that the edge has', () => {
  it('is the origin’s, where its answer or the cached descriptor has another size', async () => {
    const { edge, blob } = await createWarm({ ...MIRROR, DESCRIPTOR_TTL: '10s' });
    const other = await pushBlob(blob.bytes);
    const shorter = { status: 200, headers: { 'content-length': '5', 'content-type': 'application/octet-stream' } };
    await rig.rule({ prefix: other.path, ...shorter, body: 'other' });
    for (const headers of [{}, { range: 'bytes=0-' }, {}]) {
      expect(await pull(edge, other.path, headers)).toMatchObject({ status: 200, text: 'other' });
    }
    const unproven = await pull(createBytesEdge(), other.path);
    expect(unproven).toMatchObject({ status: 200, text: 'other' });
  });
});

it('a part of a blob is not taken by a size that the origin has taken back', async () => {
  const { edge, blob } = await createWarm({ ...MIRROR, DESCRIPTOR_TTL: '10s' });
  const other = await pushBlob(blob.bytes);
  const headers = { 'content-length': '5', 'content-type': 'application/octet-stream' };
  await rig.rule({ prefix: other.path, method: 'HEAD', status: 200, headers, times: 1 });
  await edge.fetch(other.path, HEAD);
  edge.clock.advance(10_000);
  const { status, text } = await pull(edge, other.path, { range: 'bytes=5-9' });
  expect([status, text]).toEqual([206, blob.bytes.slice(5, 10)]);
  edge.clock.advance(10_000);
  expect((await pull(edge, other.path, { range: 'bytes=3-' })).text).toBe(blob.bytes.slice(3));
});

describe('a byte store in trouble', () => {
  const failing = () => Promise.reject(new Error('R2 is down'));
  let cancelled = 0;
  const late = async () => {
    await delay(1_500);
    return { size: WARM_SIZE, body: new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ }) };
  };

  it.each([
    ['fails', failing],
    ['is slow', late],
  ])('does not keep a blob from its callers, and is not filled: it %s', async (_what, get) => {
    const { blob } = await createWarm();
    const { bucket, spent } = meteredBucket({ get, head: get });
    for (const variables of [MIRROR, {}] as Record<string, string>[]) {
      const edge = createBytesEdge(variables, { bucket });
      const { response, status, text } = await pull(edge, blob.path);
      expect([status, text === blob.bytes, cacheStatusOf(response)]).toEqual([
        200,
        true,
        'registry-edge; fwd=bypass; stored',
      ]);
      expect(spent()).toEqual(['get']);
    }
    // What comes too late is not left open.
    expect(cancelled).toBe(get === late ? 2 : 0);
  });

  it('is not asked for a while after five faults', async () => {
    const { blob } = await createWarm();
    const { bucket, spent } = meteredBucket({ get: failing });
    const edge = createBytesEdge(MIRROR, { bucket });
    for (let times = 0; times < 7; times++) expect((await pull(edge, blob.path)).status).toBe(200);
    expect(spent()).toHaveLength(5);
    edge.clock.advance(30_000);
    await pull(edge, blob.path);
    expect(spent()).toHaveLength(1);
  });

  it('breaks the answer off where it sends half a body, and the rest comes by a range', async () => {
    const { blob, edge: warm } = await createWarm();
    const half = new TextEncoder().encode(blob.bytes.slice(0, WARM_SIZE / 2));
    const { bucket } = meteredBucket({
      get: async () => ({ size: WARM_SIZE, body: new Response(half).body ?? new ReadableStream() }),
    });
    const edge = createBytesEdge(MIRROR, { bucket });
    await edge.fetch(blob.path, HEAD);
    expect((await pull(edge, blob.path)).text).toBe('broken');
    const rest = await pull(warm, blob.path, { range: `bytes=${WARM_SIZE / 2}-`, 'if-range': `"${blob.digest}"` });
    expect([rest.status, rest.text]).toEqual([206, blob.bytes.slice(WARM_SIZE / 2)]);
  });
});

describe('with STALE_IF_ERROR', () => {
  const SHORT = { DESCRIPTOR_TTL: '10s', STALE_IF_ERROR: '1h' };
  const fail = (blob: Pushed, status: number) => rig.rule({ prefix: `/v2/${blob.name}/`, status });

  it.each([429, 500, 503])('callers that only pull get the bytes while the origin answers %i', async (status) => {
    const { edge, blob, spent } = await createWarm({ ...MIRROR, ...SHORT });
    await fail(blob, status);
    edge.clock.advance(10_000);
    const bridged = await pull(edge, blob.path);
    expect([bridged.status, bridged.text === blob.bytes]).toEqual([200, true]);
    expect(cacheStatusOf(bridged.response)).toBe(`registry-edge; fwd=stale; detail=origin-${status}`);
    expect([spent(), await methodsSince(blob, 1)]).toEqual([['get'], ['HEAD']]);
    const head = await edge.fetch(blob.path, HEAD);
    expect(head.status).toBe(status);
    edge.clock.advance(3_600_000);
    expect((await pull(edge, blob.path)).status).toBe(status);
  });

  it('they get them while the origin cannot be reached', async () => {
    const { blob, bucket } = await createWarm();
    const gone = createScriptedServer({ instead: 'close', paths: {} });
    const edge = createBytesEdge({ ...MIRROR, ...SHORT }, { bucket });
    await edge.fetch(blob.path, HEAD);
    edge.clock.advance(10_000);
    const isDown = createBytesEdge({ ...MIRROR, ...SHORT, ORIGIN_URL: gone.url }, { bucket, clock: edge.clock });
    expect((await pull(isDown, blob.path)).status).toBe(502);
    await rig.rule({ prefix: blob.path, status: 503 });
    expect((await pull(edge, blob.path)).text === blob.bytes).toBe(true);
  });

  it.each([401, 403, 404])('they get nothing after a %i, which is the origin’s decision', async (status) => {
    const { edge, blob } = await createWarm({ ...MIRROR, ...SHORT });
    await fail(blob, status);
    edge.clock.advance(10_000);
    expect((await pull(edge, blob.path)).status).toBe(status === 401 ? 403 : status);
  });

  it('callers that may push get nothing past PUSH_EXISTENCE_TTL', async () => {
    const { edge, blob } = await createWarm({ PUSH_EXISTENCE_TTL: '10s', STALE_IF_ERROR: '1h' });
    await fail(blob, 503);
    expect((await pull(edge, blob.path)).status).toBe(200);
    edge.clock.advance(10_000);
    expect((await pull(edge, blob.path)).status).toBe(503);
  });
});
