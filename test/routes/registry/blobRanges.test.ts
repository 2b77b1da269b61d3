import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge, stableHeaders, textOf } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { createScriptedServer } from '../../support/scripted.ts';

const HEAD = { method: 'HEAD' };
const HIT = 'registry-edge; hit; detail=durable';
const BYTES = '0123456789';

/** Replaces `D` in header values by the digest. */
function withDigest({ digest }: Pushed, headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('D', digest)]));
}

/** Sends a GET. @returns the response, and the requests to the origin that it caused */
async function get(edge: Edge, blob: Pushed, headers: Record<string, string>) {
  const before = (await rig.requests(blob.path)).length;
  const response = await edge.fetch(blob.path, { headers });
  const asked = (await rig.requests(blob.path)).slice(before);
  return { response, status: response.status, asked, methods: asked.map(({ method }) => method) };
}

/** Creates an edge that has cached a blob of ten bytes, and on which the caller has a grant. */
async function createWarmEdge(variables: Record<string, string> = {}): Promise<{ edge: Edge; blob: Pushed }> {
  const [edge, blob] = [createEdge(variables), await pushBlob(BYTES)];
  await edge.fetch(blob.path, HEAD);
  await earnGrant(edge, blob);
  return { edge, blob };
}

describe('Range in a GET of a blob', () => {
  it.each([
    ['bytes=2-4', 206, 'bytes 2-4/10', '234'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=9-', 206, 'bytes 9-9/10', '9'],
    ['bytes=5-99', 206, 'bytes 5-9/10', '56789'],
    ['items=99-', 200, null, BYTES],
  ])('%s is answered by the origin, cold and warm, with %i and %s', async (range, status, contentRange, body) => {
    const { edge, blob } = await createWarmEdge();
    for (const [at, caller] of [
      [edge, {}],
      [createEdge(), { authorization: 'Basic b3RoZXI6Y2FsbGVy' }],
    ] as const) {
      const { response, asked } = await get(at, blob, { range, ...caller });
      expect([response.status, response.headers.get('content-range')]).toEqual([status, contentRange]);
      expect(response.headers.get('content-length')).toBe(String(body.length));
      expect(await textOf(response)).toBe(body);
      expect(asked).toMatchObject([{ method: 'GET', headers: { range } }]);
      expect(cacheStatusOf(response)).toMatch(/fwd=bypass/);
    }
  });

  it('of several parts is forwarded, and the multipart answer relayed', async () => {
    const { edge, blob } = await createWarmEdge();
    const headers = { 'content-type': 'multipart/byteranges; boundary=x', 'content-length': '20' };
    await rig.rule({ prefix: blob.path, method: 'GET', status: 206, headers, body: '--x parts of it --x-' });
    const { response, asked } = await get(edge, blob, { range: 'bytes=99-100, 0-1' });
    expect([response.status, await textOf(response)]).toEqual([206, '--x parts of it --x-']);
    expect(Object.fromEntries(response.headers)).toMatchObject({ ...headers, etag: `"${blob.digest}"` });
    expect(asked).toMatchObject([{ headers: { range: 'bytes=99-100, 0-1' } }]);
  });

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=9999999999999999-'])(
    '%s of a cached blob of ten bytes is answered with 416 without the origin',
    async (range) => {
      const { edge, blob } = await createWarmEdge();
      const { response, asked } = await get(edge, blob, { range });
      expect([response.status, asked, cacheStatusOf(response)]).toEqual([416, [], HIT]);
      expect(response.headers.get('content-range')).toBe('bytes */10');
      expect(response.headers.get('docker-content-digest')).toBe(blob.digest);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(await response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
    },
  );

  it.each<[string, Record<string, string>, Record<string, string>, number]>([
    ['a stranger', {}, { authorization: 'Basic b3RoZXI6Y2FsbGVy' }, 0],
    ['a caller with another identity', {}, { cookie: 'session=1' }, 0],
    ['a caller past PUSH_EXISTENCE_TTL', { PUSH_EXISTENCE_TTL: '10s' }, {}, 10_000],
    ['any caller with PUSH_EXISTENCE_TTL=0', { PUSH_EXISTENCE_TTL: '0' }, {}, 0],
    ['a caller past DESCRIPTOR_TTL', { CLIENT_AUTH: 'anonymous', DESCRIPTOR_TTL: '10s' }, {}, 10_000],
  ])('beyond the end, and If-None-Match, are answered by the origin to %s', async (...row) => {
    const [, variables, caller, laterMs] = row;
    const { edge, blob } = await createWarmEdge(variables);
    edge.clock.advance(laterMs);
    const beyond = await get(edge, blob, { range: 'bytes=10-', ...caller });
    expect([beyond.status, beyond.asked]).toMatchObject([416, [{ method: 'GET', headers: { range: 'bytes=10-' } }]]);
    expect(beyond.response.headers.get('content-range')).toBe('bytes */10');
    expect(beyond.response.headers.get('docker-content-digest')).toBe(blob.digest);
    expect(await beyond.response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
    const same = await get(edge, blob, { 'if-none-match': `"${blob.digest}"`, ...caller });
    // For a stranger a HEAD would prove less than a 304 to a GET says.
    const isStranger = Object.keys(caller).length > 0;
    expect([same.status, same.methods]).toEqual([304, [isStranger ? 'GET' : 'HEAD']]);
  });

  it.each([
    ['if-match', '"other"'],
    ['if-unmodified-since', 'Mon, 01 Jan 2001 00:00:00 GMT'],
    ['if-modified-since', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ])('beyond the end, with %s, is answered by the origin, cold and warm', async (name, value) => {
    const [cold, { edge: warm, blob }] = [createEdge(), await createWarmEdge()];
    await rig.rule({ prefix: blob.path, method: 'GET', status: 412 });
    for (const edge of [cold, warm]) {
      const { status, asked } = await get(edge, blob, { range: 'bytes=10-', [name]: value });
      expect([status, asked]).toMatchObject([412, [{ method: 'GET', headers: { range: 'bytes=10-', [name]: value } }]]);
    }
  });

  it('beyond the end does not hang on a 416 that sends less than it announces (docker-registry 2.8.2)', async () => {
    const { path } = await pushBlob();
    const headers = { 'content-length': '2048', 'content-range': 'bytes */10', 'content-type': 'text/plain' };
    const origin = createScriptedServer({ status: 416, headers, body: 'bad range value' });
    const response = await createEdge({ ORIGIN_URL: origin.url }).fetch(path, { headers: { range: 'bytes=99-' } });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect(response.headers.get('content-length')).not.toBe('2048');
    expect(await response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
  });

  // For a range of an empty blob registry 3.1.1 answers 200, docker-registry 2.8.2 answers 416.
  it.each([
    ['bytes=0-', 200],
    ['bytes=0-', 416],
    ['bytes=5-9', 200],
    ['bytes=5-9', 416],
  ])('%s of an empty blob gets the origin’s %i, cold and warm', async (range, status) => {
    const blob = await pushBlob('');
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'GET', status, headers: { 'content-range': 'bytes */0' } });
    const cold = await get(edge, blob, { range });
    await edge.fetch(blob.path, HEAD);
    expect([cold.status, (await get(edge, blob, { range })).status]).toEqual([status, status]);
  });
});

describe('If-Range in a GET of a blob', () => {
  it.each([
    ['the edge’s own ETag', '"D"', 206, 'bytes=2-4'],
    ['a bare digest', 'D', 206, 'bytes=2-4'],
    ['another ETag', '"other"', 200, undefined],
    ['an ETag of object storage', '"9b2cf535f27731c974343645a3985328-2"', 200, undefined],
    ['a date', 'Wed, 21 Oct 2026 07:28:00 GMT', 200, undefined],
    ['a weak ETag, since RFC 9110 §13.1.5 compares strongly', 'W/"D"', 200, undefined],
    ['a value that is not an ETag', '*', 200, undefined],
  ])('with %s %s gets a %i', async (_what, value, status, range) => {
    const { edge, blob } = await createWarmEdge();
    const headers = withDigest(blob, { range: 'bytes=2-4', 'if-range': value });
    const { response, asked } = await get(edge, blob, headers);
    expect(response.status).toBe(status);
    expect(await textOf(response)).toBe(status === 206 ? '234' : BYTES);
    expect(asked.map((sent) => [sent.headers.range, sent.headers['if-range']])).toEqual([[range, undefined]]);
  });

  it('that does not hold gets the whole blob, also where the range is impossible', async () => {
    const { edge, blob } = await createWarmEdge();
    const { response } = await get(edge, blob, { range: 'bytes=99-', 'if-range': '"other"' });
    expect([response.status, await textOf(response)]).toEqual([200, BYTES]);
    const same = await get(edge, blob, { range: 'bytes=99-', 'if-range': `"${blob.digest}"` });
    expect([same.status, same.response.headers.get('content-range')]).toEqual([416, 'bytes */10']);
  });
});

describe('If-None-Match in a GET of a blob', () => {
  it.each(['"D"', 'D', 'W/"D"', '"x", "D"', '"x",W/"D"', '*'])(
    '%s, with the digest D of a cached blob, gets a 304 without the origin, whatever the range',
    async (condition) => {
      const { edge, blob } = await createWarmEdge();
      const conditional = withDigest(blob, { 'if-none-match': condition });
      for (const headers of [conditional, { ...conditional, range: 'bytes=99-' }]) {
        const { response, asked } = await get(edge, blob, headers);
        expect([response.status, asked, cacheStatusOf(response)]).toEqual([304, [], HIT]);
        expect(response.headers.get('etag')).toBe(`"${blob.digest}"`);
        expect(await textOf(response)).toBe('');
      }
    },
  );

  it.each(['"other"', '"D-1"', 'sha256:other', '"9b2cf535f27731c974343645a3985328"'])(
    '%s, which is no ETag of the edge, is not forwarded, and the blob is sent',
    async (condition) => {
      const blob = await pushBlob(BYTES);
      await rig.rule({ prefix: blob.path, method: 'GET', status: 200, headers: { etag: condition }, body: BYTES });
      for (const { edge } of [{ edge: createEdge() }, await createWarmEdge()]) {
        const { response, asked } = await get(edge, blob, withDigest(blob, { 'if-none-match': condition }));
        expect([response.status, await textOf(response)]).toEqual([200, BYTES]);
        expect(asked.map(({ method, headers }) => [method, headers['if-none-match']])).toEqual([['GET', undefined]]);
      }
    },
  );

  it.each(['"D"', 'D', 'W/"D"', '*'])(
    '%s, with the digest D of an existing blob, gets a 304 also for a stranger',
    async (condition) => {
      const blob = await pushBlob(BYTES);
      const { response, methods } = await get(createEdge(), blob, withDigest(blob, { 'if-none-match': condition }));
      expect([response.status, methods, await textOf(response)]).toEqual([304, ['GET'], '']);
    },
  );

  it.each([401, 404, 429, 503])('gets the %i with which the origin answers a GET', async (status) => {
    const [edge, blob] = [createEdge(), await pushBlob(BYTES)];
    await rig.rule({
      prefix: blob.path,
      status,
      headers: { 'content-type': 'application/json' },
      body: '{"errors":[]}',
    });
    const { response } = await get(edge, blob, { 'if-none-match': blob.digest });
    expect([response.status, await textOf(response)]).toEqual([status, '{"errors":[]}']);
  });

  it('with the digest gets a 304 also where the origin states no size', async () => {
    const blob = await pushBlob(BYTES);
    const headers = { 'transfer-encoding': 'chunked', etag: '"other"' };
    await rig.rule({ prefix: blob.path, status: 200, headers, body: BYTES });
    const { response } = await get(createEdge(), blob, { 'if-none-match': blob.digest });
    expect([response.status, response.headers.get('etag')]).toEqual([304, `"${blob.digest}"`]);
  });
});

describe('a warm and a cold answer to a GET of a blob', () => {
  it.each<[string, Record<string, string>]>([
    ['a 304', { 'if-none-match': '"D"' }],
    ['a 304 to a bare digest', { 'if-none-match': 'D' }],
    ['a 304 despite a range', { 'if-none-match': 'D', range: 'bytes=2-4' }],
    ['a 304 despite a range beyond the end', { 'if-none-match': 'D', range: 'bytes=10-' }],
    ['a 416', { range: 'bytes=10-' }],
  ])('are equal in status, headers and body: %s', async (_what, given) => {
    const [edge, blob] = [createEdge(), await pushBlob(BYTES)];
    // The headers of docker-registry 2.8.2.
    const own = {
      etag: '"D"',
      'docker-content-digest': 'D',
      'docker-distribution-api-version': 'registry/2.0',
      'cache-control': 'max-age=31536000',
      'accept-ranges': 'bytes',
      'content-range': 'bytes */10',
      'x-content-type-options': 'nosniff',
    };
    await rig.rule({
      prefix: blob.path,
      method: 'GET',
      status: given.range === 'bytes=10-' && !given['if-none-match'] ? 416 : 200,
      headers: withDigest(blob, own),
      body: 'invalid range',
    });
    const cold = await get(edge, blob, withDigest(blob, given));
    await edge.fetch(blob.path, HEAD);
    await earnGrant(edge, blob);
    const warm = await get(edge, blob, withDigest(blob, given));
    expect([cold.asked.length, warm.asked.length]).toEqual([1, 0]);
    expect(cold.status).toBe(warm.status);
    expect(stableHeaders(cold.response)).toEqual(stableHeaders(warm.response));
    expect(await textOf(cold.response)).toBe(await textOf(warm.response));
  });
});

describe('a grant for a blob', () => {
  it.each([
    ['a 206', { range: 'bytes=0-1' }],
    ['a 304', { 'if-none-match': '"D"' }],
  ])('is earned by the origin’s %s', async (_what, given) => {
    const [edge, blob] = [createEdge(), await pushBlob(BYTES)];
    await edge.fetch(blob.path, { headers: withDigest(blob, given) });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
  });
});
