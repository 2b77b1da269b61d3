import { describe, expect, inject, it } from 'vitest';
import { someDigest, someName } from '../support/digests.ts';
import { cacheStatusOf, createEdge, lastingHeaders } from '../support/edge.ts';
import { digestOf, pushBlob, rig } from '../support/push.ts';
import { asking, OCI_MANIFEST, someManifest } from '../support/pushManifest.ts';
import { scripted } from '../support/scripted.ts';

/** What origins say to one caller, in headers. */
const SAID = {
  'ratelimit-limit': '100;w=21600',
  'ratelimit-remaining': '7;w=21600',
  'docker-ratelimit-source': '192.0.2.7',
  'x-ratelimit-reset': '1700000000',
  'retry-after': '30',
  warning: '299 - "this repository will move"',
  deprecation: 'true',
  'x-request-id': 'b7c1',
  'www-authenticate': 'Bearer realm="https://auth.test/token"',
  'strict-transport-security': 'max-age=1',
  'x-made-up-tomorrow': 'yes',
};
/** What is about the content, a cache, a session or the next proxy, and is no answer of the edge's. */
const UNSAID = {
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
  /** Below the repository. */
  readonly below: (digest: string) => string;
  readonly mirrorOnly?: boolean;
  /** Of the request. */
  readonly headers?: (digest: string) => Record<string, string>;
  readonly status?: number;
  /** To a caller of whom nothing is proved it is another question than to others. */
  readonly provesFirst?: boolean;
}
const REFERRERS = `{"manifests":[{"digest":"${someDigest()}"}]}`;
const matching = (digest: string) => ({ 'if-none-match': `"${digest}"` });
const ROUTES: readonly Route[] = [
  { what: 'HEAD of a blob', method: 'HEAD', below: (digest) => `blobs/${digest}` },
  { what: 'HEAD of a blob, 304', method: 'HEAD', below: (digest) => `blobs/${digest}`, headers: matching, status: 304 },
  {
    what: 'GET of a blob, 304',
    method: 'GET',
    below: (digest) => `blobs/${digest}`,
    headers: matching,
    provesFirst: true,
    status: 304,
  },
  { what: 'HEAD of a manifest', method: 'HEAD', below: (digest) => `manifests/${digest}` },
  { what: 'GET of a manifest', method: 'GET', below: (digest) => `manifests/${digest}` },
  {
    what: 'GET of a manifest, 304',
    method: 'GET',
    below: (digest) => `manifests/${digest}`,
    headers: matching,
    status: 304,
  },
  { what: 'HEAD of a tag', method: 'HEAD', below: () => 'manifests/latest', mirrorOnly: true },
  { what: 'GET of a tag', method: 'GET', below: () => 'manifests/latest', mirrorOnly: true },
  { what: 'tags', method: 'GET', below: () => 'tags/list', mirrorOnly: true },
  { what: 'referrers', method: 'GET', below: (digest) => `referrers/${digest}`, mirrorOnly: true },
];
const WHO: [who: string, variables: Record<string, string>][] = [
  ['an origin that judges', {}],
  ['an open mirror', MIRROR],
];
const CASES = ROUTES.flatMap((route) =>
  WHO.filter(([, variables]) => variables === MIRROR || !route.mirrorOnly).map(
    ([who, variables]) => [route.what, who, route, variables] as const,
  ),
);

/** Content at the origin whose answers carry more. */
async function served({ below }: Pick<Route, 'below'>, more: Record<string, string>, times?: number) {
  const [name, bytes] = [someName(), someManifest()];
  const digest = await digestOf(bytes, 'sha256');
  const path = `/v2/${name}/${below(digest)}`;
  const isList = !/blobs|manifests/.test(path);
  const body = isList ? REFERRERS : bytes;
  const headers = { 'content-type': OCI_MANIFEST, 'content-length': String(body.length), ...more };
  const ofContent = isList ? {} : { 'docker-content-digest': digest };
  await rig.rule({ prefix: path, status: 200, headers: { ...headers, ...ofContent }, body, ...(times && { times }) });
  return { path, digest, headers: { ...headers, ...ofContent }, body };
}

describe('what the origin says to a caller', () => {
  it.each(CASES)(
    'is on a cold answer, and cold and warm differ in nothing else: %s, %s',
    async (_what, _who, route, variables) => {
      const { path, digest } = await served(route, { ...SAID, ...UNSAID, link: LINK });
      const edge = createEdge(variables);
      const ask = () => edge.fetch(path, asking(route.method, OCI_MANIFEST, route.headers?.(digest)));
      const answers = [await ask(), await ask(), await ask(), await ask()];
      const colds = answers.filter((answer) => !cacheStatusOf(answer)?.includes('hit'));
      const warms = answers.slice(colds.length);
      // What a GET’s 304 proved is known, and the content with the next question.
      expect(colds.length).toBe(route.provesFirst && variables !== MIRROR ? 2 : 1);
      expect(answers.map(({ status }) => status)).toEqual(Array(4).fill(route.status ?? 200));
      const isList = !/blobs|manifests/.test(path);
      // A list’s `Link` is its next page, which is kept with it.
      const { link, ...said } = { ...SAID, link: LINK };
      const [lasting, ...others] = warms.map(lastingHeaders);
      for (const other of others) expect(other).toEqual(lasting);
      for (const cold of colds) {
        expect(lastingHeaders(cold)).toMatchObject({ ...SAID, link: LINK });
        expect(lastingHeaders(cold)).toEqual({ ...lasting, ...said, ...(!isList && { link }) });
      }
      for (const [name, value] of Object.entries(UNSAID)) {
        for (const answer of answers) expect([name, answer.headers.get(name)]).not.toEqual([name, value]);
      }
      for (const name of Object.keys(SAID)) expect([name, lasting?.[name]]).toEqual([name, undefined]);
      const bodies = new Set(await Promise.all(answers.map((answer) => answer.text())));
      expect(bodies.size).toBe(1);
    },
  );

  it.each(WHO)('answers Docker Hub’s check of the rate limit, before %s', async (_who, variables) => {
    const { path } = await served({ below: () => 'manifests/latest' }, SAID);
    const { headers } = await createEdge(variables).fetch(path, asking('HEAD'));
    expect(headers.get('ratelimit-limit')).toBe('100;w=21600');
    expect(headers.get('ratelimit-remaining')).toBe('7;w=21600');
    expect(headers.get('docker-ratelimit-source')).toBe('192.0.2.7');
  });

  it('is never in the store: another isolate finds nothing of it', async () => {
    const { path } = await served({ below: (digest) => `manifests/${digest}` }, SAID);
    await createEdge(MIRROR).fetch(path, asking('GET'));
    const elsewhere = await createEdge(MIRROR).fetch(path, asking('GET'));
    expect(cacheStatusOf(elsewhere)).toContain('hit; detail=kv');
    for (const name of Object.keys(SAID)) expect([name, elsewhere.headers.get(name)]).toEqual([name, null]);
  });

  it('is said anew when the origin confirms what is known', async () => {
    const { path, headers } = await served({ below: () => 'manifests/latest' }, SAID, 1);
    await rig.rule({
      prefix: path,
      method: 'HEAD',
      status: 200,
      headers: { ...headers, 'ratelimit-remaining': '6;w=21600' },
    });
    const edge = createEdge(MIRROR);
    await edge.fetch(path, asking('GET'));
    edge.clock.advance(61_000);
    const response = await edge.fetch(path, asking('GET'));
    expect(cacheStatusOf(response)).toContain('fwd=stale');
    expect([response.status, response.headers.get('ratelimit-remaining')]).toEqual([200, '6;w=21600']);
  });

  it('is no other’s: who follows the question of another gets nothing of it', async () => {
    const { path, headers, body } = await served({ below: (digest) => `manifests/${digest}` }, {}, 1);
    await rig.forget(path);
    await rig.rule({ prefix: path, status: 200, headers: { ...headers, ...SAID }, body, holdAs: path });
    const edge = createEdge(MIRROR);
    const asked = Array.from({ length: 3 }, () => edge.send(path, asking('GET')));
    await expect.poll(async () => (await rig.requests(path)).length).toBe(1);
    await rig.release(path);
    const answers = await Promise.all(asked.map(({ answer }) => answer));
    await Promise.all(asked.map(({ over }) => over));
    expect(answers.map((answer) => cacheStatusOf(answer)?.includes('collapsed'))).toEqual([false, true, true]);
    for (const name of Object.keys(SAID)) {
      expect([name, ...answers.map((answer) => answer.headers.has(name))]).toEqual([name, true, false, false]);
    }
    expect(await rig.requests(path)).toHaveLength(1);
  });

  it('is not on a last good answer that stands in for a failing origin', async () => {
    const { path } = await served({ below: () => 'manifests/latest' }, SAID, 1);
    await rig.rule({ prefix: path, status: 429, headers: { ...SAID, 'x-request-id': 'refused' } });
    const edge = createEdge(MIRROR);
    await edge.fetch(path, asking('GET'));
    edge.clock.advance(61_000);
    const response = await edge.fetch(path, asking('GET'));
    expect([response.status, cacheStatusOf(response)]).toEqual([200, expect.stringContaining('origin-429')]);
    for (const name of Object.keys(SAID)) expect([name, response.headers.get(name)]).toEqual([name, null]);
  });

  it('moves its links onto the edge', async () => {
    const link = `<${inject('originUrl')}/v2/a/tags/list>; rel="x", <https://docs.test/moved>; rel="help"`;
    const { path } = await served({ below: (digest) => `blobs/${digest}` }, { link });
    const { headers } = await createEdge().fetch(path, { method: 'HEAD' });
    expect(headers.get('link')).toBe('</v2/a/tags/list>; rel="x", <https://docs.test/moved>; rel="help"');
  });
});

describe('what the origin says to a caller whom it redirects', () => {
  const OF_STORAGE = { 'ratelimit-remaining': '1', 'x-amz-request-id': 'storage', 'retry-after': '9', server: 'S3' };
  const own = { 'content-length': '10', 'content-type': 'a/b' };

  /** The rest of the answers is the storage's. */
  async function redirected(method: 'HEAD' | 'GET') {
    const blob = await pushBlob('0123456789');
    const storage = scripted({ headers: { ...own, ...OF_STORAGE }, body: '0123456789' });
    const headers = { ...SAID, 'content-length': '0', location: `${storage.url}/x`, 'set-cookie': 'a=b' };
    await rig.rule({ prefix: blob.path, method, status: 307, headers });
    return blob;
  }

  it.each([
    ['a HEAD that is resolved', 'HEAD', {}],
    ['a GET that is followed', 'GET', { BLOB_REDIRECT: 'follow' }],
    ['the same with a query', 'GET', { BLOB_REDIRECT: 'follow', query: '?a=b' }],
  ] as const)(
    'is the origin’s own, never the storage’s: %s',
    async (_what, method, { query = '', ...variables }: Record<string, string>) => {
      const { path } = await redirected(method);
      const response = await createEdge(variables).fetch(path + query, { method });
      expect([response.status, await response.text()]).toEqual([200, method === 'GET' ? '0123456789' : '']);
      expect(lastingHeaders(response)).toMatchObject({ ...SAID, ...own });
      for (const name of ['x-amz-request-id', 'server', 'location', 'set-cookie']) {
        expect([name, response.headers.get(name)]).toEqual([name, null]);
      }
    },
  );
});

describe('what the origin says to a caller in a 416', () => {
  it('stays on the edge’s own body', async () => {
    const blob = await pushBlob('0123456789');
    const headers = { ...SAID, 'content-range': 'bytes */10', 'set-cookie': 'a=b', 'content-length': '0' };
    await rig.rule({ prefix: blob.path, method: 'GET', status: 416, headers });
    const response = await createEdge().fetch(blob.path, { headers: { range: 'bytes=99-' } });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect(lastingHeaders(response)).toMatchObject(SAID);
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
  });
});
