import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, stableHeaders, textOf } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { createScriptedServer, type Script } from '../../support/scripted.ts';

const HEAD = { method: 'HEAD' };
const FOLLOW = { BLOB_REDIRECT: 'follow' };
const SIGNATURE = 'X-Amz-Signature=c2lnbmVk%2Fa+b';
/** Headers of a caller that must not reach the storage. */
const SECRETS = { authorization: 'Basic c2VjcmV0', cookie: 'session=1', 'x-gitlab-token': 't', 'x-custom': '1' };

/** Returns a path at the rigged origin that stands for a redirecting storage. */
const someHop = () => `/_store/${crypto.randomUUID()}`;
/** Makes the origin redirect a GET of the blob, with the body of Go's servers. */
const redirect = (blob: Pushed, location: string, status = 307) =>
  rig.rule({
    prefix: blob.path,
    method: 'GET',
    status,
    headers: { location, 'content-type': 'text/html; charset=utf-8' },
    body: '<a href="elsewhere">Temporary Redirect</a>.',
  });

/** Creates object storage that answers by this script, and a blob that the origin redirects there. */
async function pushToStorage(script: Script) {
  const [blob, storage] = [await pushBlob('0123456789'), createScriptedServer(script)];
  const location = `${storage.url}/object?${SIGNATURE}`;
  await redirect(blob, location);
  return { blob, storage, location };
}

describe('BLOB_REDIRECT=pass', () => {
  it.each([301, 302, 303, 307, 308])('relays a %i byte for byte, and learns nothing from it', async (status) => {
    const location = `https://storage.test/a'b%2fC?${SIGNATURE}&x=a'%2f b`;
    for (const variables of [{}, { CLIENT_AUTH: 'anonymous' }]) {
      const blob = await pushBlob();
      await redirect(blob, location, status);
      const edge = createEdge(variables);
      for (const headers of [{}, { range: 'bytes=0-1' }]) {
        const response = await edge.fetch(blob.path, { headers });
        expect([response.status, response.headers.get('location')]).toEqual([status, location]);
        expect(response.headers.get('etag')).toBeNull();
      }
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toMatch(/fwd=miss; stored/);
      expect(edge.log.join('\n')).not.toContain('Signature');
    }
  });

  it('answers a caller that names the digest without a redirect', async () => {
    const { blob } = await pushToStorage({ headers: { 'content-length': '10' }, body: '0123456789' });
    const edge = createEdge();
    await earnGrant(edge, blob);
    const response = await edge.fetch(blob.path, { headers: { 'if-none-match': `"${blob.digest}"` } });
    expect([response.status, response.headers.get('location')]).toEqual([304, null]);
  });

  it('earns no grant by a redirect', async () => {
    const { blob } = await pushToStorage({});
    const edge = createEdge();
    await edge.fetch(blob.path);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('unproven');
  });
});

describe('BLOB_REDIRECT=follow', () => {
  const storageHeaders = {
    etag: '"9b2cf535f27731c974343645a3985328"',
    'accept-ranges': 'none',
    'cache-control': 'public',
    'docker-content-digest': 'sha256:other',
    'set-cookie': 'a=b',
    server: 'AmazonS3',
    'x-amz-id-2': 'x',
    'x-amz-request-id': 'x',
  };
  const content = { 'content-type': 'binary/octet-stream', 'last-modified': 'Wed, 21 Oct 2026 07:28:00 GMT' };
  const range = (text: string) => ({ 'content-range': text });

  it.each<[number, Record<string, string>, Record<string, string>, string]>([
    [200, {}, { ...content, 'content-length': '10' }, '0123456789'],
    [206, { range: 'bytes=2-4' }, { ...content, 'content-length': '3', ...range('bytes 2-4/10') }, '234'],
    [416, { range: 'bytes=99-' }, { ...range('bytes */10'), 'content-type': 'application/json' }, 'RANGE_INVALID'],
  ])('relays the storage’s %i with the headers of the content and canonical validators', async (...row) => {
    const [status, asked, expected, body] = row;
    const { blob, storage } = await pushToStorage({ status, headers: { ...storageHeaders, ...expected }, body });
    const edge = createEdge(FOLLOW);
    const response = await edge.fetch(blob.path, { headers: { ...SECRETS, ...asked } });
    expect(response.status).toBe(status);
    expect(await textOf(response)).toContain(body);
    const ranges = status === 206 && { 'accept-ranges': 'bytes' };
    const validators = { etag: `"${blob.digest}"`, ...ranges };
    expect(stableHeaders(response)).toEqual({
      ...expected,
      ...(status !== 416 && validators),
      'docker-content-digest': status === 416 ? expect.any(String) : blob.digest,
      'docker-distribution-api-version': 'registry/2.0',
      'cache-control': expect.stringContaining('no-transform'),
    });
    const [call, ...more] = await storage.calls();
    expect([more, call?.method, call?.path]).toEqual([[], 'GET', `/object?${SIGNATURE}`]);
    expect(call?.headers.range).toBe(asked.range);
    expect(Object.keys(call?.headers ?? {}).filter((name) => name in SECRETS)).toEqual([]);
    expect(edge.log.join('\n')).not.toContain('Signature');
  });

  it.each([
    [301, 1, 200],
    [302, 2, 200],
    [308, 3, 200],
    [307, 4, 502],
  ])('follows a %i in a chain of %i, and answers %i', async (status, hops, expected) => {
    const { blob, location } = await pushToStorage({ headers: { 'content-length': '10' }, body: '0123456789' });
    const at = someHop();
    await rig.forget(blob.path);
    await redirect(blob, hops > 1 ? `${at}/1` : location, status);
    for (let hop = 1; hop < hops; hop++) {
      const to = hop === hops - 1 ? location : `${at}/${hop + 1}`;
      await rig.rule({ prefix: `${at}/${hop}`, status, headers: { location: to }, body: 'moved' });
    }
    const response = await createEdge(FOLLOW).fetch(blob.path, { headers: SECRETS });
    expect(response.status).toBe(expected);
    if (expected === 200) expect(await textOf(response)).toBe('0123456789');
    const asked = await rig.requests(at);
    expect(asked).toHaveLength(hops - 1);
    for (const { headers } of asked) expect(Object.keys(headers).filter((name) => name in SECRETS)).toEqual([]);
  });

  it('learns nothing from the storage, neither content nor access', async () => {
    const { blob } = await pushToStorage({ headers: { 'content-length': '3' }, body: 'abc' });
    const edge = createEdge(FOLLOW);
    expect(cacheStatusOf(await edge.fetch(blob.path))).toBe('registry-edge; fwd=bypass');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored; detail=unproven');
    expect(cacheStatusOf(await edge.fetch(blob.path))).toBe('registry-edge; fwd=bypass');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=durable');
  });

  it('learns from an origin that does not redirect', async () => {
    const blob = await pushBlob();
    const edge = createEdge(FOLLOW);
    expect(await textOf(await edge.fetch(blob.path))).toBe(blob.bytes);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });

  it('applies If-Range and If-None-Match itself, and forwards neither to the storage', async () => {
    const { blob, storage } = await pushToStorage({
      headers: { 'content-length': '10', etag: '"s3"' },
      body: '0123456789',
    });
    const edge = createEdge(FOLLOW);
    const whole = await edge.fetch(blob.path, { headers: { range: 'bytes=2-4', 'if-range': '"s3"' } });
    expect([whole.status, await textOf(whole)]).toEqual([200, '0123456789']);
    const same = await edge.fetch(blob.path, { headers: { 'if-none-match': `"${blob.digest}"` } });
    expect([same.status, same.headers.get('etag'), await textOf(same)]).toEqual([304, `"${blob.digest}"`, '']);
    for (const { headers } of await storage.calls()) expect(headers).not.toHaveProperty('range');
    for (const { headers } of await storage.calls()) expect(headers).not.toHaveProperty('if-none-match');
  });

  it('answers a caller that names the digest with 304, though the storage states no size', async () => {
    const { blob, location } = await pushToStorage({ body: '0123456789' });
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 307, headers: { location } });
    const edge = createEdge(FOLLOW);
    const response = await edge.fetch(blob.path, { headers: { 'if-none-match': `"${blob.digest}"` } });
    expect([response.status, response.headers.get('etag')]).toEqual([304, `"${blob.digest}"`]);
    // Only the storage answered, which earns no grant.
    const other = await pushBlob(undefined, blob.name);
    expect(cacheStatusOf(await edge.fetch(other.path, HEAD))).toContain('unproven');
  });

  it('applies ORIGIN_TIMEOUT to the storage’s headers, but not to its body', async () => {
    const late = { headers: { 'content-length': '10' }, body: '0123456789' };
    const edge = createEdge({ ...FOLLOW, ORIGIN_TIMEOUT: '200ms' });
    const [body, headers] = [
      await pushToStorage({ ...late, bodyWaitMs: 400 }),
      await pushToStorage({ ...late, waitMs: 400 }),
    ];
    expect(await textOf(await edge.fetch(body.blob.path))).toBe('0123456789');
    expect((await edge.fetch(headers.blob.path)).status).toBe(502);
  });

  it('breaks off the body for the client where the storage does', async () => {
    const { blob } = await pushToStorage({ headers: { 'content-length': '10', connection: 'close' }, body: '012' });
    const response = await createEdge(FOLLOW).fetch(blob.path);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it.each<[string, Script]>([
    ['a page for signing in', { headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<html>' }],
    ['a 403', { status: 403, headers: { 'content-type': 'application/xml' }, body: `<Error>${SIGNATURE}</Error>` }],
    ['a 404', { status: 404 }],
    ['a 503', { status: 503 }],
    ['a 204', { status: 204 }],
    ['a redirect to nowhere', { status: 307 }],
    ['a redirect to itself', { status: 307, headers: { location: '{base}/object' } }],
    ['a closed connection', { instead: 'close' }],
  ])('answers 502, without the storage’s address, where the storage sends %s', async (_what, script) => {
    const { blob, storage } = await pushToStorage(script);
    const edge = createEdge(FOLLOW);
    await edge.fetch(blob.path, HEAD);
    const response = await edge.fetch(blob.path);
    expect([response.status, response.headers.get('content-type')]).toEqual([502, 'application/json']);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ errors: [{ code: 'UNAVAILABLE', message: expect.any(String) }] });
    const visible = text + JSON.stringify([...response.headers]) + edge.log.join('\n');
    for (const secret of ['Signature', new URL(storage.url).host, '/object']) expect(visible).not.toContain(secret);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });

  describe.each<[string, Record<string, string>, (to: string) => string]>([
    ['a host that is not listed', { REDIRECT_HOSTS: '127.0.0.1,*.cdn.test' }, (to) => to],
    ['another scheme', {}, (to) => to.replace('http:', 'ftp:')],
    ['a login in the URL', {}, (to) => to.replace('//', '//a:b@')],
  ])('leaves a redirect that leads to %s to the client', (_what, variables, change) => {
    it.each(['from the origin', 'after a hop'])('%s', async (place) => {
      const { blob, storage } = await pushToStorage({ body: 'elsewhere' });
      const at = someHop();
      const elsewhere = change(`${storage.url.replace('127.0.0.1', 'localhost')}/object?${SIGNATURE}`);
      const location = place === 'from the origin' ? elsewhere : inject('originUrl') + at;
      await rig.forget(blob.path);
      await redirect(blob, location);
      await rig.rule({ prefix: at, status: 307, headers: { location: elsewhere }, body: 'moved' });
      const response = await createEdge({ ...FOLLOW, ...variables }).fetch(blob.path);
      expect([response.status, response.headers.get('location')]).toEqual([307, location]);
      const length = String((await textOf(response)).length);
      expect(response.headers.get('content-length') ?? length).toBe(length);
      expect(await storage.calls()).toEqual([]);
    });
  });
});
