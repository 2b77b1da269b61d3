import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, lastingHeaders } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import type { Rule } from '../support/rig.ts';

const HEAD = { method: 'HEAD', headers: { authorization: 'Basic c2VjcmV0' } };
/** The same server under another name, as object storage would be. */
const storage = inject('originUrl').replace('127.0.0.1', 'localhost');

/** The origin answers the blob's HEAD, GET or both otherwise than a registry should. */
async function oddBlob(head: Partial<Rule>, get: Partial<Rule> = {}): Promise<Pushed> {
  const blob = await pushBlob();
  await rig.rule({ prefix: blob.path, method: 'HEAD', ...head });
  if (Object.keys(get).length > 0) await rig.rule({ prefix: blob.path, method: 'GET', ...get });
  return blob;
}

/** Object storage that holds the blob, at a signed URL. */
async function stored(blob: Pushed, rule: Partial<Rule> = {}): Promise<string> {
  const path = `/_store/${blob.digest}`;
  await rig.rule({
    prefix: path,
    status: 200,
    headers: { 'content-length': String(blob.bytes.length), 'content-type': 'binary/octet-stream' },
    ...rule,
  });
  return `${storage}${path}?X-Amz-Signature=abc`;
}

/** Asks cold and warm, as a caller with a grant; both must tell the true size, or none at all. */
async function ask(blob: Pushed) {
  const edge = createEdge();
  await grant(edge, blob, HEAD.headers);
  const cold = await edge.fetch(blob.path, HEAD);
  const warm = await edge.fetch(blob.path, HEAD);
  return { edge, cold, warm };
}

describe('statBlob: a redirect to storage as a proof of access', () => {
  const DECLARED = { REDIRECT_HOSTS: 'localhost' };
  const size = (blob: Pushed) => ({ 'content-length': String(blob.bytes.length) });

  it.each<[string, Record<string, string>, Partial<Rule>, path: string, boolean]>([
    ['declared storage that has it', DECLARED, {}, '/_store/', true],
    ['storage that nobody declared', {}, {}, '/_store/', false],
    ['another declared host only', { REDIRECT_HOSTS: 'localhost,s3.test' }, {}, '/_store/', true],
    ['a registry, which would judge later', DECLARED, {}, '/v2/store/', false],
    [
      'a page to sign in',
      DECLARED,
      { headers: { 'content-type': 'text/html', 'content-length': '9' } },
      '/_store/',
      false,
    ],
    ['storage that tells no size', DECLARED, { headers: { 'transfer-encoding': 'chunked' } }, '/_store/', false],
    ['storage that lacks it', DECLARED, { status: 404 }, '/_store/', false],
    ['storage that refuses', DECLARED, { status: 403 }, '/_store/', false],
    ['what a cache on the way has', DECLARED, { headers: { 'content-length': '9', age: '1' } }, '/_store/', false],
  ])('%s: %j %j', async (_what, variables, rule, below, isProof) => {
    const blob = await pushBlob();
    const prefix = below + blob.digest;
    await rig.rule({ prefix, status: 200, headers: size(blob), ...rule });
    for (const method of ['HEAD', 'GET']) {
      await rig.rule({ prefix: blob.path, method, status: 307, headers: { location: storage + prefix } });
    }
    const edge = createEdge(variables);
    await edge.fetch(blob.path, HEAD);
    const warm = await edge.fetch(blob.path, HEAD);
    const seen = cacheStatusOf(warm);
    if (isProof) expect([warm.status, seen]).toEqual([200, 'registry-edge; hit; detail=kv']);
    else expect(seen ?? '').not.toContain('; hit');
    // A HEAD proves no GET.
    const beyond = await edge.fetch(blob.path, { headers: { ...HEAD.headers, 'if-none-match': blob.digest } });
    expect(cacheStatusOf(beyond) ?? '').not.toContain('; hit');
  });
});

describe('statBlob: an origin whose HEAD tells no size', () => {
  it.each([
    ['a redirect to storage that answers HEAD', 307],
    ['a 302', 302],
    ['a 308', 308],
  ])('resolves %s without any credential, and answers 200 cold and warm', async (_what, status) => {
    const blob = await pushBlob();
    const location = await stored(blob);
    await rig.rule({ prefix: blob.path, method: 'HEAD', status, headers: { location } });
    const { edge, cold, warm } = await ask(blob);
    expect([cold.status, warm.status]).toEqual([200, 200]);
    expect(cold.headers.get('content-length')).toBe(String(blob.bytes.length));
    expect(lastingHeaders(warm)).toEqual(lastingHeaders(cold));
    const hops = await rig.requests(`/_store/${blob.digest}`);
    expect(hops.length).toBeGreaterThan(0);
    for (const { headers } of hops) {
      expect(headers.authorization).toBeUndefined();
      expect(headers.cookie).toBeUndefined();
    }
    expect(edge.log.join('\n')).not.toContain('X-Amz-Signature');
  });

  it('asks for the first byte where the storage refuses HEAD: the size is the one after the slash', async () => {
    const blob = await pushBlob();
    const location = await stored(blob, { method: 'HEAD', status: 403 });
    await rig.rule({
      prefix: `/_store/${blob.digest}`,
      method: 'GET',
      status: 206,
      headers: { 'content-range': `bytes 0-0/${blob.bytes.length}`, 'content-type': 'binary/octet-stream' },
      body: 'x',
    });
    await rig.rule({ prefix: blob.path, status: 307, headers: { location } });
    const { cold } = await ask(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, String(blob.bytes.length)]);
    expect(
      (await rig.requests(`/_store/${blob.digest}`)).map(({ method, headers }) => [method, headers.range]),
    ).toEqual([
      ['HEAD', undefined],
      ['GET', 'bytes=0-0'],
    ]);
  });

  it.each([405, 501])('learns the size by a GET where HEAD is a %i', async (status) => {
    const { cold, warm } = await ask(await oddBlob({ status }));
    expect([cold.status, cacheStatusOf(warm)]).toEqual([200, 'registry-edge; hit; detail=kv']);
  });

  it('learns the size by a GET where HEAD has no Content-Length', async () => {
    const blob = await oddBlob({ status: 200, headers: { 'transfer-encoding': 'chunked' } });
    const { cold } = await ask(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, String(blob.bytes.length)]);
  });

  it('learns the size by a GET where HEAD tells the length of an encoded body', async () => {
    const blob = await oddBlob({ status: 200, headers: { 'content-length': '7', 'content-encoding': 'gzip' } });
    const { cold } = await ask(blob);
    expect(cold.headers.get('content-length')).toBe(String(blob.bytes.length));
  });

  it('knows that a blob without a first byte is empty', async () => {
    const blob = await pushBlob('');
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 405 });
    await rig.rule({ prefix: blob.path, method: 'GET', status: 416, headers: { 'content-range': 'bytes */0' } });
    const { cold, warm } = await ask(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, '0']);
    expect(warm.status).toBe(200);
  });

  it.each<[string, Partial<Rule>, Partial<Rule>]>([
    ['a HEAD', { status: 200, headers: { 'content-length': '0' } }, { status: 500 }],
    ['a 416', { status: 405 }, { status: 416, headers: { 'content-range': 'bytes */0' } }],
  ])('does not believe %s that a blob is empty whose digest says otherwise', async (_what, head, get) => {
    const { warm } = await ask(await oddBlob(head, get));
    expect(cacheStatusOf(warm)).not.toContain('hit');
  });

  it('answers the 404 of the GET where HEAD is not supported', async () => {
    const { cold } = await ask(await oddBlob({ status: 405 }, { status: 404 }));
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
  ])('relays the HEAD and stores nothing where the GET gives %s', async (_what, get) => {
    const blob = await oddBlob({ status: 200, headers: { 'transfer-encoding': 'chunked' } }, get);
    const { cold, warm } = await ask(blob);
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, null]);
    expect(cacheStatusOf(warm)).not.toContain('hit');
  });
});

describe('statBlob: what is never stored', () => {
  const sized = (more: Record<string, string>) => ({
    status: 200,
    headers: { 'content-length': '5', 'content-type': 'application/octet-stream', ...more },
  });

  it.each([
    ['Age above 0', { age: '3' }],
    ['CF-Cache-Status: HIT', { 'cf-cache-status': 'HIT' }],
    ['a hit of another edge', { 'cache-status': 'registry-edge; hit; detail=kv' }],
  ])('an answer out of a cache on the way: %s', async (_what, more) => {
    const { cold, warm } = await ask(await oddBlob(sized(more)));
    expect([cold.status, cold.headers.get('content-length')]).toEqual([200, '5']);
    expect(cacheStatusOf(warm)).toBe('registry-edge; fwd=miss');
  });

  it('an answer about another blob', async () => {
    const other = `sha256:${'0'.repeat(64)}`;
    const { cold, warm } = await ask(await oddBlob(sized({ 'docker-content-digest': other }), { status: 500 }));
    expect(cold.headers.get('docker-content-digest')).toBe(other);
    expect(cacheStatusOf(cold)).not.toContain('stored');
    expect(cacheStatusOf(warm)).not.toContain('hit');
  });

  it.each([401, 403, 404, 429, 500, 503])('a %i', async (status) => {
    const blob = await oddBlob({ status, headers: { 'retry-after': '9' } });
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
    expect(lastingHeaders(warm)).toEqual(lastingHeaders(cold));
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });
});

describe('statBlob: redirects that are not followed', () => {
  it.each([
    ['a host that is not listed', (to: string) => to, { REDIRECT_HOSTS: 'storage.example.com' }],
    ['another scheme', (to: string) => to.replace('http:', 'ftp:'), {}],
    ['a login in the URL', (to: string) => to.replace('http://', 'http://a:b@'), {}],
  ])('%s: the redirect is the client’s to follow', async (_what, change, variables) => {
    const blob = await pushBlob();
    const location = change(await stored(blob));
    await rig.rule({ prefix: blob.path, status: 307, headers: { location } });
    const response = await createEdge(variables).fetch(blob.path, HEAD);
    expect([response.status, response.headers.get('location')]).toEqual([307, location]);
    expect(await rig.requests(`/_store/${blob.digest}`)).toEqual([]);
  });

  it('a page for signing in', async () => {
    const blob = await pushBlob();
    const page = { 'content-type': 'text/html; charset=utf-8', 'content-length': '5000' };
    const location = await stored(blob, { headers: page });
    await rig.rule({ prefix: blob.path, status: 302, headers: { location } });
    expect((await createEdge().fetch(blob.path, HEAD)).status).toBe(302);
  });

  it('storage that cannot be reached: the origin did answer', async () => {
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: 'http://127.0.0.1:1/x' } });
    const response = await createEdge().fetch(blob.path, HEAD);
    expect([response.status, response.headers.get('location')]).toEqual([307, 'http://127.0.0.1:1/x']);
  });

  it('a redirect of a caller without a grant is resolved, and not stored', async () => {
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: await stored(blob) } });
    const response = await createEdge().fetch(blob.path, HEAD);
    expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=miss; detail=unproven']);
  });

  it('a way that leads back: it is not gone twice', async () => {
    const blob = await pushBlob();
    const loop = `${storage}/_store/${blob.digest}`;
    await rig.rule({ prefix: `/_store/${blob.digest}`, status: 302, headers: { location: loop } });
    await rig.rule({ prefix: blob.path, status: 302, headers: { location: loop } });
    expect((await createEdge().fetch(blob.path, HEAD)).status).toBe(302);
    expect(await rig.requests(`/_store/${blob.digest}`)).toHaveLength(1);
  });
});
