import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, stableHeaders } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import type { Rule } from '../support/rig.ts';

const HEAD = { method: 'HEAD', headers: { authorization: 'Basic c2VjcmV0' } };
/** The same server under another host name, to stand for object storage. */
const storage = inject('originUrl').replace('127.0.0.1', 'localhost');

/** Pushes a blob whose HEAD, GET or both the origin answers by these rules. */
async function pushWithRules(head: Partial<Rule>, get: Partial<Rule> = {}): Promise<Pushed> {
  const blob = await pushBlob();
  await rig.rule({ prefix: blob.path, method: 'HEAD', ...head });
  if (Object.keys(get).length > 0) await rig.rule({ prefix: blob.path, method: 'GET', ...get });
  return blob;
}

/** Makes object storage answer for the blob. @returns its signed URL */
async function putInStorage(blob: Pushed, rule: Partial<Rule> = {}): Promise<string> {
  const path = `/_store/${blob.digest}`;
  await rig.rule({
    prefix: path,
    status: 200,
    headers: { 'content-length': String(blob.bytes.length), 'content-type': 'binary/octet-stream' },
    ...rule,
  });
  return `${storage}${path}?X-Amz-Signature=abc`;
}

/** Sends a cold and a warm HEAD, as a caller with a grant. */
async function headTwice(blob: Pushed) {
  const edge = createEdge();
  await earnGrant(edge, blob, HEAD.headers);
  const cold = await edge.fetch(blob.path, HEAD);
  const warm = await edge.fetch(blob.path, HEAD);
  return { edge, cold, warm };
}

describe('statBlob: a redirect to storage as a proof of access', () => {
  const DECLARED = { REDIRECT_HOSTS: 'localhost' };
  const size = (blob: Pushed) => ({ 'content-length': String(blob.bytes.length) });

  it.each<[string, Record<string, string>, Partial<Rule>, path: string, boolean]>([
    ['to declared storage that has the blob', DECLARED, {}, '/_store/', true],
    ['to storage that is not declared', {}, {}, '/_store/', false],
    ['to one of several declared hosts', { REDIRECT_HOSTS: 'localhost,s3.test' }, {}, '/_store/', true],
    ['to another registry, which judges the caller itself', DECLARED, {}, '/v2/store/', false],
    [
      'to a page for signing in',
      DECLARED,
      { headers: { 'content-type': 'text/html', 'content-length': '9' } },
      '/_store/',
      false,
    ],
    ['to storage that states no size', DECLARED, { headers: { 'transfer-encoding': 'chunked' } }, '/_store/', false],
    ['to storage that lacks the blob', DECLARED, { status: 404 }, '/_store/', false],
    ['to storage that refuses', DECLARED, { status: 403 }, '/_store/', false],
    [
      'to storage behind a cache that answers',
      DECLARED,
      { headers: { 'content-length': '9', age: '1' } },
      '/_store/',
      false,
    ],
  ])('%s (%j, %j)', async (_what, variables, rule, pathPrefix, isProof) => {
    const blob = await pushBlob();
    const prefix = pathPrefix + blob.digest;
    await rig.rule({ prefix, status: 200, headers: size(blob), ...rule });
    for (const method of ['HEAD', 'GET']) {
      await rig.rule({ prefix: blob.path, method, status: 307, headers: { location: storage + prefix } });
    }
    const edge = createEdge(variables);
    await edge.fetch(blob.path, HEAD);
    const warm = await edge.fetch(blob.path, HEAD);
    const status = cacheStatusOf(warm);
    if (isProof) expect([warm.status, status]).toEqual([200, 'registry-edge; hit; detail=durable']);
    else expect(status ?? '').not.toContain('; hit');
    // A HEAD does not prove access by GET.
    const get = await edge.fetch(blob.path, { headers: { ...HEAD.headers, 'if-none-match': blob.digest } });
    expect(cacheStatusOf(get) ?? '').not.toContain('; hit');
  });
});

describe('statBlob: a 416 of declared storage', () => {
  it('proves no access, since it is no content', async () => {
    const blob = await pushBlob('');
    const prefix = `/_store/${crypto.randomUUID()}/${blob.digest}`;
    await rig.rule({ prefix, method: 'HEAD', status: 403 });
    await rig.rule({ prefix, method: 'GET', status: 416, headers: { 'content-range': 'bytes */0' } });
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage + prefix } });
    const edge = createEdge({ REDIRECT_HOSTS: 'localhost' });
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(blob.path, HEAD);
      expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=miss; detail=unproven']);
    }
  });
});

describe('statBlob: an origin whose HEAD states no size', () => {
  it.each([
    ['a redirect to storage that answers HEAD', 307],
    ['a 302', 302],
    ['a 308', 308],
  ])('resolves %s without any credential, and answers 200 cold and warm', async (_what, status) => {
    const blob = await pushBlob();
    const location = await putInStorage(blob);
    await rig.rule({ prefix: blob.path, method: 'HEAD', status, headers: { location } });
    const { edge, cold, warm } = await headTwice(blob);
    expect([cold.status, warm.status]).toEqual([200, 200]);
    expect(cold.headers.get('content-length')).toBe(String(blob.bytes.length));
    expect(stableHeaders(warm)).toEqual(stableHeaders(cold));
    const hops = await rig.requests(`/_store/${blob.digest}`);
    expect(hops.length).toBeGreaterThan(0);
    for (const { headers } of hops) {
      expect(headers.authorization).toBeUndefined();
      expect(headers.cookie).toBeUndefined();
    }
    expect(edge.log.join('\n')).not.toContain('X-Amz-Signature');
  });

  it('asks for the first byte where the storage refuses HEAD, and reads the size from Content-Range', async () => {
    const blob = await pushBlob();
    const location = await putInStorage(blob, { method: 'HEAD', status: 403 });
    await rig.rule({
      prefix: `/_store/${blob.digest}`,
      method: 'GET',
      status: 206,
      headers: { 'content-range': `bytes 0-0/${blob.bytes.length}`, 'content-type': 'binary/octet-stream' },
      body: 'x',
    });
    await rig.rule({ prefix: blob.path, status: 307, headers: { location } });
    const { cold } = await headTwice(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, String(blob.bytes.length)]);
    expect(
      (await rig.requests(`/_store/${blob.digest}`)).map(({ method, headers }) => [method, headers.range]),
    ).toEqual([
      ['HEAD', undefined],
      ['GET', 'bytes=0-0'],
    ]);
  });

  it.each([405, 501])('learns the size by a GET where HEAD answers %i', async (status) => {
    const { cold, warm } = await headTwice(await pushWithRules({ status }));
    expect([cold.status, cacheStatusOf(warm)]).toEqual([200, 'registry-edge; hit; detail=durable']);
  });

  it('learns the size by a GET where HEAD has no Content-Length', async () => {
    const blob = await pushWithRules({ status: 200, headers: { 'transfer-encoding': 'chunked' } });
    const { cold } = await headTwice(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, String(blob.bytes.length)]);
  });

  it('learns the size by a GET where HEAD states the length of an encoded body', async () => {
    const blob = await pushWithRules({ status: 200, headers: { 'content-length': '7', 'content-encoding': 'gzip' } });
    const { cold } = await headTwice(blob);
    expect(cold.headers.get('content-length')).toBe(String(blob.bytes.length));
  });

  it('reads a 416 for the first byte as an empty blob', async () => {
    const blob = await pushBlob('');
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 405 });
    await rig.rule({ prefix: blob.path, method: 'GET', status: 416, headers: { 'content-range': 'bytes */0' } });
    const { cold, warm } = await headTwice(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, '0']);
    expect(warm.status).toBe(200);
  });

  it.each<[string, Partial<Rule>, Partial<Rule>]>([
    ['a HEAD', { status: 200, headers: { 'content-length': '0' } }, { status: 500 }],
    ['a 416', { status: 405 }, { status: 416, headers: { 'content-range': 'bytes */0' } }],
  ])('does not trust %s that states size 0 for a digest of other content', async (_what, head, get) => {
    const { warm } = await headTwice(await pushWithRules(head, get));
    expect(cacheStatusOf(warm)).not.toContain('hit');
  });

  it('relays the 404 of the GET where HEAD is not supported', async () => {
    const { cold } = await headTwice(await pushWithRules({ status: 405 }, { status: 404 }));
    expect(cold.status).toBe(404);
  });

  it.each([
    ['a 206 without a total', { status: 206, headers: { 'content-range': 'bytes 0-0/*', 'content-length': '1' } }],
    ['a 206 without Content-Range', { status: 206, headers: { 'content-length': '1' }, body: 'x' }],
    ['a 206 of another range', { status: 206, headers: { 'content-range': 'bytes 1-1/9' }, body: 'x' }],
    ['a 416 of a blob that is not empty', { status: 416, headers: { 'content-range': 'bytes */9' } }],
    [
      'a 206 of an encoded body',
      { status: 206, headers: { 'content-range': 'bytes 0-0/7', 'content-encoding': 'gzip' }, body: 'x' },
    ],
    ['a 500', { status: 500 }],
  ])('relays the answer to the HEAD and stores nothing where the GET gets %s', async (_what, get) => {
    const blob = await pushWithRules({ status: 200, headers: { 'transfer-encoding': 'chunked' } }, get);
    const { cold, warm } = await headTwice(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, null]);
    expect(cacheStatusOf(warm)).not.toContain('hit');
  });
});

describe('statBlob: never stores', () => {
  const sized = (more: Record<string, string>) => ({
    status: 200,
    headers: { 'content-length': '5', 'content-type': 'application/octet-stream', ...more },
  });

  it.each([
    ['Age above 0', { age: '3' }],
    ['CF-Cache-Status: HIT', { 'cf-cache-status': 'HIT' }],
    ['a hit of another edge', { 'cache-status': 'registry-edge; hit; detail=durable' }],
  ])('an answer from a cache on the way: %s', async (_what, more) => {
    const { cold, warm } = await headTwice(await pushWithRules(sized(more)));
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, '5']);
    expect(cacheStatusOf(warm)).toBe('registry-edge; fwd=miss');
  });

  it('an answer about another blob', async () => {
    const other = `sha256:${'0'.repeat(64)}`;
    const { cold, warm } = await headTwice(
      await pushWithRules(sized({ 'docker-content-digest': other }), { status: 500 }),
    );
    expect(cold.headers.get('docker-content-digest')).toBe(other);
    expect(cacheStatusOf(cold)).not.toContain('stored');
    expect(cacheStatusOf(warm)).not.toContain('hit');
  });

  it.each([401, 403, 404, 429, 500, 503])('an answer with status %i', async (status) => {
    const blob = await pushWithRules({ status, headers: { 'retry-after': '9' } });
    const edge = createEdge();
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(blob.path, HEAD);
      expect([response.status, response.headers.get('retry-after')]).toEqual([status, '9']);
      expect(response.headers.has('content-length')).toBe(false);
    }
    expect(await blob.asked()).toBe(2);
    await rig.forget(blob.path);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
  });
});

describe('statBlob: aliases', () => {
  it('stores the canonical digest that the origin names for a provisional one', async () => {
    const blob = await pushBlob();
    const alias = `sha512:${'a'.repeat(128)}`;
    const path = `/v2/${blob.name}/blobs/${alias}`;
    await rig.rule({
      prefix: path,
      status: 200,
      headers: { 'content-length': String(blob.bytes.length), 'docker-content-digest': blob.digest },
    });
    const edge = createEdge();
    const cold = await edge.fetch(path, HEAD);
    const warm = await edge.fetch(path, HEAD);
    expect(warm.headers.get('docker-content-digest')).toBe(blob.digest);
    expect(cacheStatusOf(warm)).toContain('hit');
    expect(stableHeaders(warm)).toEqual(stableHeaders(cold));
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });
});

describe('statBlob: redirects', () => {
  it.each([
    ['to a host that is not listed', (to: string) => to, { REDIRECT_HOSTS: 'storage.example.com' }],
    ['to another scheme', (to: string) => to.replace('http:', 'ftp:'), {}],
    ['to a URL with a password', (to: string) => to.replace('http://', 'http://a:b@'), {}],
  ])('relays a redirect %s', async (_what, changeUrl, variables) => {
    const blob = await pushBlob();
    const location = changeUrl(await putInStorage(blob));
    await rig.rule({ prefix: blob.path, status: 307, headers: { location } });
    const response = await createEdge(variables).fetch(blob.path, HEAD);
    expect([response.status, response.headers.get('location')]).toEqual([307, location]);
    expect(await rig.requests(`/_store/${blob.digest}`)).toEqual([]);
  });

  it('relays a redirect to a page for signing in', async () => {
    const blob = await pushBlob();
    const page = { 'content-type': 'text/html; charset=utf-8', 'content-length': '5000' };
    const location = await putInStorage(blob, { headers: page });
    await rig.rule({ prefix: blob.path, status: 302, headers: { location } });
    expect((await createEdge().fetch(blob.path, HEAD)).status).toBe(302);
  });

  it('relays a redirect to storage that cannot be reached', async () => {
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: 'http://127.0.0.1:1/x' } });
    const response = await createEdge().fetch(blob.path, HEAD);
    expect([response.status, response.headers.get('location')]).toEqual([307, 'http://127.0.0.1:1/x']);
  });

  it('resolves a redirect for a caller without a grant, and stores nothing', async () => {
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: await putInStorage(blob) } });
    const response = await createEdge().fetch(blob.path, HEAD);
    expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=miss; detail=unproven']);
  });

  it('relays a redirect that leads back, after following it once', async () => {
    const blob = await pushBlob();
    const loop = `${storage}/_store/${blob.digest}`;
    await rig.rule({ prefix: `/_store/${blob.digest}`, status: 302, headers: { location: loop } });
    await rig.rule({ prefix: blob.path, status: 302, headers: { location: loop } });
    expect((await createEdge().fetch(blob.path, HEAD)).status).toBe(302);
    expect(await rig.requests(`/_store/${blob.digest}`)).toHaveLength(1);
  });
});
