import { describe, expect, inject, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../support/digests.ts';
import { cacheStatusOf, createEdge, stableHeaders } from '../support/edge.ts';
import { digestOf, pushBlob, rig } from '../support/push.ts';
import { manifestRequest, OCI_MANIFEST, uniqueManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';

/** Headers with which origins speak to one caller. */
const CALLER_HEADERS = {
  'ratelimit-limit': '100;w=21600',
  'ratelimit-remaining': '7;w=21600',
  'docker-ratelimit-source': '192.0.2.7',
  'x-ratelimit-reset': '1700000000',
  'retry-after': '30',
  warning: '299 - "this repository will move"',
  deprecation: 'true',
  'x-request-id': 'b7c1',
  'strict-transport-security': 'max-age=1',
  'x-made-up-tomorrow': 'yes',
};
/** Headers that concern the content, a cache, a session or the next proxy: the edge does not pass them on. */
const OTHER_HEADERS = {
  'accept-ranges': 'none',
  age: '0',
  'alt-svc': 'h3=":443"',
  'cache-control': 'public, max-age=31536000',
  'cdn-cache-control': 'max-age=60',
  'cloudflare-cdn-cache-control': 'max-age=60',
  'content-disposition': 'attachment',
  'content-language': 'en',
  digest: 'sha-256=x',
  etag: '"another"',
  expires: 'Thu, 01 Jan 2099 00:00:00 GMT',
  'keep-alive': 'timeout=5',
  'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT',
  pragma: 'cache',
  server: 'origin/1.0',
  'set-cookie': 'route=a; Path=/',
  'surrogate-control': 'max-age=60',
  vary: 'Cookie',
  'x-accel-expires': '60',
  'x-content-type-options': 'nosniff',
};
const LINK = '</v2/a/tags/list?n=1>; rel="deprecated"';
const MIRROR = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1m', LIST_TTL: '1m' };

interface Route {
  readonly what: string;
  readonly method: 'HEAD' | 'GET';
  /** Returns the path below the repository. */
  readonly subpath: (digest: string) => string;
  readonly mirrorOnly?: boolean;
  /** Returns the headers of the request. */
  readonly headers?: (digest: string) => Record<string, string>;
  readonly status?: number;
  /** Whether the first request only earns the grant, and is not stored. */
  readonly provesFirst?: boolean;
}
const REFERRERS = `{"manifests":[{"digest":"${uniqueDigest()}"}]}`;
const matching = (digest: string) => ({ 'if-none-match': `"${digest}"` });
const ROUTES: readonly Route[] = [
  { what: 'HEAD of a blob', method: 'HEAD', subpath: (digest) => `blobs/${digest}` },
  {
    what: 'HEAD of a blob, 304',
    method: 'HEAD',
    subpath: (digest) => `blobs/${digest}`,
    headers: matching,
    status: 304,
  },
  {
    what: 'GET of a blob, 304',
    method: 'GET',
    subpath: (digest) => `blobs/${digest}`,
    headers: matching,
    provesFirst: true,
    status: 304,
  },
  { what: 'HEAD of a manifest', method: 'HEAD', subpath: (digest) => `manifests/${digest}` },
  { what: 'GET of a manifest', method: 'GET', subpath: (digest) => `manifests/${digest}` },
  {
    what: 'GET of a manifest, 304',
    method: 'GET',
    subpath: (digest) => `manifests/${digest}`,
    headers: matching,
    status: 304,
  },
  { what: 'HEAD of a tag', method: 'HEAD', subpath: () => 'manifests/latest', mirrorOnly: true },
  { what: 'GET of a tag', method: 'GET', subpath: () => 'manifests/latest', mirrorOnly: true },
  { what: 'tags', method: 'GET', subpath: () => 'tags/list', mirrorOnly: true },
  { what: 'referrers', method: 'GET', subpath: (digest) => `referrers/${digest}`, mirrorOnly: true },
];
const EDGES: [edge: string, variables: Record<string, string>][] = [
  ['an edge that forwards credentials', {}],
  ['an open mirror', MIRROR],
];
const CASES = ROUTES.flatMap((route) =>
  EDGES.filter(([, variables]) => variables === MIRROR || !route.mirrorOnly).map(
    ([edge, variables]) => [route.what, edge, route, variables] as const,
  ),
);

/** Makes the origin answer a path with further headers. */
async function serve({ subpath }: Pick<Route, 'subpath'>, extra: Record<string, string>, times?: number) {
  const [name, bytes] = [uniqueName(), uniqueManifest()];
  const digest = await digestOf(bytes, 'sha256');
  const path = `/v2/${name}/${subpath(digest)}`;
  const isList = !/blobs|manifests/.test(path);
  const body = isList ? REFERRERS : bytes;
  const headers = { 'content-type': OCI_MANIFEST, 'content-length': String(body.length), ...extra };
  const digestHeader = isList ? {} : { 'docker-content-digest': digest };
  await rig.rule({
    prefix: path,
    status: 200,
    headers: { ...headers, ...digestHeader },
    body,
    ...(times && { times }),
  });
  return { path, digest, headers: { ...headers, ...digestHeader }, body };
}

describe('the origin’s headers for a caller', () => {
  it.each(CASES)(
    'are on a cold answer, which differs from a warm one in nothing else: %s, %s',
    async (_what, _edge, route, variables) => {
      const { path, digest } = await serve(route, { ...CALLER_HEADERS, ...OTHER_HEADERS, link: LINK });
      const edge = createEdge(variables);
      const ask = () => edge.fetch(path, manifestRequest(route.method, OCI_MANIFEST, route.headers?.(digest)));
      const answers = [await ask(), await ask(), await ask(), await ask()];
      const colds = answers.filter((answer) => !cacheStatusOf(answer)?.includes('hit'));
      const warms = answers.slice(colds.length);
      // A GET’s 304 earns the grant; the next request is stored.
      expect(colds.length).toBe(route.provesFirst && variables !== MIRROR ? 2 : 1);
      expect(answers.map(({ status }) => status)).toEqual(Array(4).fill(route.status ?? 200));
      const isList = !/blobs|manifests/.test(path);
      // A list’s `Link` names its next page, so it is stored with the list.
      const { link, ...callerOnly } = { ...CALLER_HEADERS, link: LINK };
      const [lasting, ...others] = warms.map(stableHeaders);
      for (const other of others) expect(other).toEqual(lasting);
      for (const cold of colds) {
        expect(stableHeaders(cold)).toMatchObject({ ...CALLER_HEADERS, link: LINK });
        expect(stableHeaders(cold)).toEqual({ ...lasting, ...callerOnly, ...(!isList && { link }) });
      }
      for (const [name, value] of Object.entries(OTHER_HEADERS)) {
        for (const answer of answers) expect([name, answer.headers.get(name)]).not.toEqual([name, value]);
      }
      for (const name of Object.keys(CALLER_HEADERS)) expect([name, lasting?.[name]]).toEqual([name, undefined]);
      const bodies = new Set(await Promise.all(answers.map((answer) => answer.text())));
      expect(bodies.size).toBe(1);
    },
  );

  it.each(EDGES)('answer Docker Hub’s check of the rate limit: %s', async (_edge, variables) => {
    const { path } = await serve({ subpath: () => 'manifests/latest' }, CALLER_HEADERS);
    const { headers } = await createEdge(variables).fetch(path, manifestRequest('HEAD'));
    expect(headers.get('ratelimit-limit')).toBe('100;w=21600');
    expect(headers.get('ratelimit-remaining')).toBe('7;w=21600');
    expect(headers.get('docker-ratelimit-source')).toBe('192.0.2.7');
  });

  it('are never stored: another isolate does not get them', async () => {
    const { path } = await serve({ subpath: (digest) => `manifests/${digest}` }, CALLER_HEADERS);
    await createEdge(MIRROR).fetch(path, manifestRequest('GET'));
    const elsewhere = await createEdge(MIRROR).fetch(path, manifestRequest('GET'));
    expect(cacheStatusOf(elsewhere)).toContain('hit; detail=durable');
    for (const name of Object.keys(CALLER_HEADERS)) expect([name, elsewhere.headers.get(name)]).toEqual([name, null]);
  });

  it('are new when the origin confirms a stored answer', async () => {
    const { path, headers } = await serve({ subpath: () => 'manifests/latest' }, CALLER_HEADERS, 1);
    await rig.rule({
      prefix: path,
      method: 'HEAD',
      status: 200,
      headers: { ...headers, 'ratelimit-remaining': '6;w=21600' },
    });
    const edge = createEdge(MIRROR);
    await edge.fetch(path, manifestRequest('GET'));
    edge.clock.advance(61_000);
    const response = await edge.fetch(path, manifestRequest('GET'));
    expect(cacheStatusOf(response)).toContain('fwd=stale');
    expect([response.status, response.headers.get('ratelimit-remaining')]).toEqual([200, '6;w=21600']);
  });

  it('are not shared: a follower does not get the leader’s', async () => {
    const { path, headers, body } = await serve({ subpath: (digest) => `manifests/${digest}` }, {}, 1);
    await rig.forget(path);
    await rig.rule({ prefix: path, status: 200, headers: { ...headers, ...CALLER_HEADERS }, body, holdAs: path });
    const edge = createEdge(MIRROR);
    const sent = Array.from({ length: 3 }, () => edge.send(path, manifestRequest('GET')));
    await expect.poll(async () => (await rig.requests(path)).length).toBe(1);
    await rig.release(path);
    const answers = await Promise.all(sent.map(({ answer }) => answer));
    await Promise.all(sent.map(({ over }) => over));
    expect(answers.map((answer) => cacheStatusOf(answer)?.includes('collapsed'))).toEqual([false, true, true]);
    for (const name of Object.keys(CALLER_HEADERS)) {
      expect([name, ...answers.map((answer) => answer.headers.has(name))]).toEqual([name, true, false, false]);
    }
    expect(await rig.requests(path)).toHaveLength(1);
  });

  it('are not on a stale answer that stands in for a failing origin', async () => {
    const { path } = await serve({ subpath: () => 'manifests/latest' }, CALLER_HEADERS, 1);
    await rig.rule({ prefix: path, status: 429, headers: { ...CALLER_HEADERS, 'x-request-id': 'refused' } });
    const edge = createEdge(MIRROR);
    await edge.fetch(path, manifestRequest('GET'));
    edge.clock.advance(61_000);
    const response = await edge.fetch(path, manifestRequest('GET'));
    expect([response.status, cacheStatusOf(response)]).toEqual([200, expect.stringContaining('origin-429')]);
    for (const name of Object.keys(CALLER_HEADERS)) expect([name, response.headers.get(name)]).toEqual([name, null]);
  });

  it('have links that are rewritten to the edge', async () => {
    const link = `<${inject('originUrl')}/v2/a/tags/list>; rel="x", <https://docs.test/moved>; rel="help"`;
    const { path } = await serve({ subpath: (digest) => `blobs/${digest}` }, { link });
    const { headers } = await createEdge().fetch(path, { method: 'HEAD' });
    expect(headers.get('link')).toBe('</v2/a/tags/list>; rel="x", <https://docs.test/moved>; rel="help"');
  });
});

describe('the origin’s headers for a caller whom it redirects', () => {
  const STORAGE_HEADERS = {
    'ratelimit-remaining': '1',
    'x-amz-request-id': 'storage',
    'retry-after': '9',
    server: 'S3',
  };
  const own = { 'content-length': '10', 'content-type': 'a/b' };

  /** Pushes a blob whose GET or HEAD the origin redirects to a storage with headers of its own. */
  async function pushRedirected(method: 'HEAD' | 'GET') {
    const blob = await pushBlob('0123456789');
    const storage = createScriptedServer({ headers: { ...own, ...STORAGE_HEADERS }, body: '0123456789' });
    const headers = { ...CALLER_HEADERS, 'content-length': '0', location: `${storage.url}/x`, 'set-cookie': 'a=b' };
    await rig.rule({ prefix: blob.path, method, status: 307, headers });
    return blob;
  }

  it.each([
    ['a HEAD that is resolved', 'HEAD', {}],
    ['a GET that is followed', 'GET', { BLOB_REDIRECT: 'follow' }],
    ['a GET with a query that is followed', 'GET', { BLOB_REDIRECT: 'follow', query: '?a=b' }],
  ] as const)(
    'are the origin’s own, never the storage’s: %s',
    async (_what, method, { query = '', ...variables }: Record<string, string>) => {
      const { path } = await pushRedirected(method);
      const response = await createEdge(variables).fetch(path + query, { method });
      expect([response.status, await response.text()]).toEqual([200, method === 'GET' ? '0123456789' : '']);
      expect(stableHeaders(response)).toMatchObject({ ...CALLER_HEADERS, ...own });
      for (const name of ['x-amz-request-id', 'server', 'location', 'set-cookie']) {
        expect([name, response.headers.get(name)]).toEqual([name, null]);
      }
    },
  );
});

describe('the origin’s headers for a caller in a 416', () => {
  it('are kept, with an error body of the edge’s own', async () => {
    const blob = await pushBlob('0123456789');
    const headers = { ...CALLER_HEADERS, 'content-range': 'bytes */10', 'set-cookie': 'a=b', 'content-length': '0' };
    await rig.rule({ prefix: blob.path, method: 'GET', status: 416, headers });
    const response = await createEdge().fetch(blob.path, { headers: { range: 'bytes=99-' } });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect(stableHeaders(response)).toMatchObject(CALLER_HEADERS);
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
  });
});
