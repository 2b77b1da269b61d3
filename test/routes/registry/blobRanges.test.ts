import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge, lastingHeaders } from '../../support/edge.ts';
import { grant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { scripted } from '../../support/scripted.ts';

const HEAD = { method: 'HEAD' };
const HIT = 'registry-edge; hit; detail=kv';
const BYTES = '0123456789';

const textOf = async (response: Response) => new TextDecoder().decode(await response.arrayBuffer());

/** Headers in which `D` stands for the digest. */
function naming({ digest }: Pushed, headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('D', digest)]));
}

/** What a GET with these headers gives, and what the origin was asked for it. */
async function get(edge: Edge, blob: Pushed, headers: Record<string, string>) {
  const before = (await rig.requests(blob.path)).length;
  const response = await edge.fetch(blob.path, { headers });
  const asked = (await rig.requests(blob.path)).slice(before);
  return { response, status: response.status, asked, methods: asked.map(({ method }) => method) };
}

/** A blob of ten bytes that the edge knows, and a caller who may be told so. */
async function known(variables: Record<string, string> = {}): Promise<{ edge: Edge; blob: Pushed }> {
  const [edge, blob] = [createEdge(variables), await pushBlob(BYTES)];
  await edge.fetch(blob.path, HEAD);
  await grant(edge, blob);
  return { edge, blob };
}

describe('GET of a blob: Range', () => {
  it.each([
    ['bytes=2-4', 206, 'bytes 2-4/10', '234'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=9-', 206, 'bytes 9-9/10', '9'],
    ['bytes=5-99', 206, 'bytes 5-9/10', '56789'],
    ['items=99-', 200, null, BYTES],
  ])('%s is the origin’s to answer, cold and warm: %i, %s', async (range, status, contentRange, body) => {
    const { edge, blob } = await known();
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

  it('of several parts is handed on, and the parts with it', async () => {
    const { edge, blob } = await known();
    const headers = { 'content-type': 'multipart/byteranges; boundary=x', 'content-length': '20' };
    await rig.rule({ prefix: blob.path, method: 'GET', status: 206, headers, body: '--x parts of it --x-' });
    const { response, asked } = await get(edge, blob, { range: 'bytes=99-100, 0-1' });
    expect([response.status, await textOf(response)]).toEqual([206, '--x parts of it --x-']);
    expect(Object.fromEntries(response.headers)).toMatchObject({ ...headers, etag: `"${blob.digest}"` });
    expect(asked).toMatchObject([{ headers: { range: 'bytes=99-100, 0-1' } }]);
  });

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=9999999999999999-'])(
    '%s of ten bytes that are known is a 416 without the origin',
    async (range) => {
      const { edge, blob } = await known();
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
  ])('of bytes that are not there, or If-None-Match, is the origin’s to answer to %s', async (...row) => {
    const [, variables, caller, laterMs] = row;
    const { edge, blob } = await known(variables);
    edge.clock.advance(laterMs);
    const beyond = await get(edge, blob, { range: 'bytes=10-', ...caller });
    expect([beyond.status, beyond.asked]).toMatchObject([416, [{ method: 'GET', headers: { range: 'bytes=10-' } }]]);
    expect(beyond.response.headers.get('content-range')).toBe('bytes */10');
    expect(beyond.response.headers.get('docker-content-digest')).toBe(blob.digest);
    expect(await beyond.response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
    const same = await get(edge, blob, { 'if-none-match': `"${blob.digest}"`, ...caller });
    // A HEAD would prove less of a stranger than a 304 to a GET says.
    const isStranger = Object.keys(caller).length > 0;
    expect([same.status, same.methods]).toEqual([304, [isStranger ? 'GET' : 'HEAD']]);
  });

  it('beyond the end does not hang on a 416 that announces 2048 bytes and sends 14 (docker-registry 2.8.2)', async () => {
    const { path } = await pushBlob();
    const headers = { 'content-length': '2048', 'content-range': 'bytes */10', 'content-type': 'text/plain' };
    const origin = scripted({ status: 416, headers, body: 'bad range value' });
    const response = await createEdge({ ORIGIN_URL: origin.url }).fetch(path, { headers: { range: 'bytes=99-' } });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect(response.headers.get('content-length')).not.toBe('2048');
    expect(await response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
  });

  // Of a blob without bytes registry 3.1.1 gives the whole, docker-registry 2.8.2 a 416.
  it.each([
    ['bytes=0-', 200],
    ['bytes=0-', 416],
    ['bytes=5-9', 200],
    ['bytes=5-9', 416],
  ])('%s of a zero-byte blob is a %i where the origin says so, cold and warm', async (range, status) => {
    const blob = await pushBlob('');
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'GET', status, headers: { 'content-range': 'bytes */0' } });
    const cold = await get(edge, blob, { range });
    await edge.fetch(blob.path, HEAD);
    expect([cold.status, (await get(edge, blob, { range })).status]).toEqual([status, status]);
  });
});

describe('GET of a blob: If-Range', () => {
  it.each([
    ['the ETag that the edge gives', '"D"', 206, 'bytes=2-4'],
    ['the digest, not quoted', 'D', 206, 'bytes=2-4'],
    ['another ETag', '"other"', 200, undefined],
    ['an ETag of object storage', '"9b2cf535f27731c974343645a3985328-2"', 200, undefined],
    ['a date', 'Wed, 21 Oct 2026 07:28:00 GMT', 200, undefined],
    ['a weak ETag, since RFC 9110 §13.1.5 compares strongly', 'W/"D"', 200, undefined],
    ['what is no ETag', '*', 200, undefined],
  ])('%s', async (_what, value, status, range) => {
    const { edge, blob } = await known();
    const headers = naming(blob, { range: 'bytes=2-4', 'if-range': value });
    const { response, asked } = await get(edge, blob, headers);
    expect(response.status).toBe(status);
    expect(await textOf(response)).toBe(status === 206 ? '234' : BYTES);
    expect(asked.map((sent) => [sent.headers.range, sent.headers['if-range']])).toEqual([[range, undefined]]);
  });

  it('that does not hold gives the whole blob also where the range is impossible', async () => {
    const { edge, blob } = await known();
    const { response } = await get(edge, blob, { range: 'bytes=99-', 'if-range': '"other"' });
    expect([response.status, await textOf(response)]).toEqual([200, BYTES]);
    const same = await get(edge, blob, { range: 'bytes=99-', 'if-range': `"${blob.digest}"` });
    expect([same.status, same.response.headers.get('content-range')]).toEqual([416, 'bytes */10']);
  });
});

describe('GET of a blob: If-None-Match', () => {
  it.each(['"D"', 'D', 'W/"D"', '"x", "D"', '"x",W/"D"', '*'])(
    '%s of a digest D that is known is a 304 without the origin, before any range',
    async (form) => {
      const { edge, blob } = await known();
      const condition = naming(blob, { 'if-none-match': form });
      for (const headers of [condition, { ...condition, range: 'bytes=99-' }]) {
        const { response, asked } = await get(edge, blob, headers);
        expect([response.status, asked, cacheStatusOf(response)]).toEqual([304, [], HIT]);
        expect(response.headers.get('etag')).toBe(`"${blob.digest}"`);
        expect(await textOf(response)).toBe('');
      }
    },
  );

  it.each(['"other"', '"D-1"', 'sha256:other', '"9b2cf535f27731c974343645a3985328"'])(
    '%s is no ETag of the edge, so the origin hears nothing of it',
    async (form) => {
      const blob = await pushBlob(BYTES);
      await rig.rule({ prefix: blob.path, method: 'GET', status: 200, headers: { etag: form }, body: BYTES });
      for (const { edge } of [{ edge: createEdge() }, await known()]) {
        const { response, asked } = await get(edge, blob, naming(blob, { 'if-none-match': form }));
        expect([response.status, await textOf(response)]).toEqual([200, BYTES]);
        expect(asked.map(({ method, headers }) => [method, headers['if-none-match']])).toEqual([['GET', undefined]]);
      }
    },
  );

  it.each(['"D"', 'D', 'W/"D"', '*'])('%s of a digest D that is there is a 304 to a stranger', async (form) => {
    const blob = await pushBlob(BYTES);
    const { response, methods } = await get(createEdge(), blob, naming(blob, { 'if-none-match': form }));
    expect([response.status, methods, await textOf(response)]).toEqual([304, ['GET'], '']);
  });

  it.each([401, 404, 429, 503])('gives the origin’s %i where it says so to a GET', async (status) => {
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

  it('of the digest is a 304 also where the origin tells no size', async () => {
    const blob = await pushBlob(BYTES);
    const headers = { 'transfer-encoding': 'chunked', etag: '"other"' };
    await rig.rule({ prefix: blob.path, status: 200, headers, body: BYTES });
    const { response } = await get(createEdge(), blob, { 'if-none-match': blob.digest });
    expect([response.status, response.headers.get('etag')]).toEqual([304, `"${blob.digest}"`]);
  });
});

describe('GET of a blob: warm equals cold', () => {
  it.each<[string, Record<string, string>]>([
    ['a 304', { 'if-none-match': '"D"' }],
    ['a 304 of the digest without quotes', { 'if-none-match': 'D' }],
    ['a 304 before a range', { 'if-none-match': 'D', range: 'bytes=2-4' }],
    ['a 304 before a range beyond', { 'if-none-match': 'D', range: 'bytes=10-' }],
    ['a 416', { range: 'bytes=10-' }],
  ])('in status, headers and body: %s', async (_what, given) => {
    const [edge, blob] = [createEdge(), await pushBlob(BYTES)];
    // As docker-registry 2.8.2 answers it.
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
      headers: naming(blob, own),
      body: 'invalid range',
    });
    const cold = await get(edge, blob, naming(blob, given));
    await edge.fetch(blob.path, HEAD);
    await grant(edge, blob);
    const warm = await get(edge, blob, naming(blob, given));
    expect([cold.asked.length, warm.asked.length]).toEqual([1, 0]);
    expect(cold.status).toBe(warm.status);
    expect(lastingHeaders(cold.response)).toEqual(lastingHeaders(warm.response));
    expect(await textOf(cold.response)).toBe(await textOf(warm.response));
  });
});

describe('GET of a blob: access', () => {
  it.each([
    ['part of it', { range: 'bytes=0-1' }],
    ['a 304', { 'if-none-match': '"D"' }],
  ])('is earned by %s from the origin', async (_what, given) => {
    const [edge, blob] = [createEdge(), await pushBlob(BYTES)];
    await edge.fetch(blob.path, { headers: naming(blob, given) });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
  });
});
