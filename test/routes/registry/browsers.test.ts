import { describe, expect, it } from 'vitest';
import { USER_AGENT } from '../../../src/version.ts';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, mirrored } from '../../support/edge.ts';
import { digestOf, pushBlob, rig } from '../../support/push.ts';
import { manifestRequest, OCI_MANIFEST, uniqueManifest } from '../../support/pushManifest.ts';
import { createScriptedServer } from '../../support/scripted.ts';

const MIRROR = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1m', LIST_TTL: '1m' };
const WHO: [who: string, variables: Record<string, string>][] = [
  ['CLIENT_AUTH=origin', {}],
  ['an open mirror', MIRROR],
];
const PAGE = { origin: 'https://ui.test' };
/** The origin's policy for scripts on that page. */
const POLICY = {
  'access-control-allow-origin': 'https://ui.test',
  'access-control-allow-credentials': 'true',
  'access-control-expose-headers': 'Docker-Content-Digest',
  vary: 'Origin',
};
const PREFLIGHT = {
  ...PAGE,
  'access-control-request-method': 'GET',
  'access-control-request-headers': 'authorization, accept',
  'access-control-request-private-network': 'true',
};
/** Headers that identify a caller; no preflight needs them. */
const IDENTITY = {
  authorization: 'Basic c2VjcmV0',
  cookie: 'a=b',
  'user-agent': 'ui/1',
  'x-api-key': 'k',
  referer: 'r',
};

const READS: [what: string, method: 'HEAD' | 'GET', below: (digest: string) => string][] = [
  ['HEAD of a blob', 'HEAD', (digest) => `blobs/${digest}`],
  ['GET of a blob', 'GET', (digest) => `blobs/${digest}`],
  ['HEAD of a manifest', 'HEAD', (digest) => `manifests/${digest}`],
  ['GET of a manifest', 'GET', (digest) => `manifests/${digest}`],
  ['HEAD of a tag', 'HEAD', () => 'manifests/latest'],
  ['GET of a tag', 'GET', () => 'manifests/latest'],
  ['tags', 'GET', () => 'tags/list'],
  ['referrers', 'GET', (digest) => `referrers/${digest}`],
];
const CASES = READS.flatMap(([what, method, below]) =>
  WHO.map(([who, variables]) => [what, who, method, below, variables] as const),
);

/** Makes the origin serve content together with its policy for the page. */
async function serve(below: (digest: string) => string) {
  const [name, manifest] = [uniqueName(), uniqueManifest()];
  const digest = await digestOf(manifest, 'sha256');
  const path = `/v2/${name}/${below(digest)}`;
  const body = path.includes('referrers') ? `{"manifests":[{"digest":"${uniqueDigest()}"}]}` : manifest;
  const about = {
    'content-type': OCI_MANIFEST,
    'content-length': String(body.length),
    'docker-content-digest': digest,
  };
  await rig.rule({ prefix: path, status: 200, headers: { ...about, ...POLICY }, body });
  return { path, body, digest };
}
const headersOf = ({ headers }: Response, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, headers.get(name)]));
const policyOf = (response: Response) => headersOf(response, Object.keys(POLICY));
const isHit = (response: Response) => cacheStatusOf(response)?.includes('hit') ?? false;

describe('a browser’s request', () => {
  it.each(CASES)(
    'is answered by the origin, policy included, whether cached or not: %s, %s',
    async (_what, _who, method, below, variables) => {
      const { path, body, digest } = await serve(below);
      const edge = createEdge(variables);
      const ask = (more?: Record<string, string>) => edge.fetch(path, manifestRequest(method, OCI_MANIFEST, more));
      const cold = await ask(PAGE);
      const second = await ask();
      expect([isHit(cold), isHit(second)]).toEqual([false, false]);
      const isCached = isHit(await ask());
      for (const more of [PAGE, { origin: 'null' }, { ...PAGE, 'if-none-match': `"${digest}"` }]) {
        const before = (await rig.requests(path)).length;
        const response = await ask(more);
        expect([response.status, policyOf(response)]).toEqual([200, POLICY]);
        expect(cacheStatusOf(response)).toBe('registry-edge; fwd=bypass');
        expect(await response.text()).toBe(method === 'GET' ? body : '');
        const questions = (await rig.requests(path)).slice(before);
        expect(questions.map((question) => [question.method, question.headers.origin])).toEqual([
          [method, more.origin],
        ]);
      }
      // Requests without a page are answered as before.
      expect(isHit(await ask())).toBe(isCached);
      expect((await ask()).headers.get('access-control-allow-origin')).toBe(
        isCached ? null : POLICY['access-control-allow-origin'],
      );
    },
  );

  it('teaches the cache nothing about the content or the caller', async () => {
    const { path } = await serve((digest) => `blobs/${digest}`);
    const edge = createEdge();
    for (const method of ['GET', 'HEAD'] as const) await edge.fetch(path, manifestRequest(method, '*/*', PAGE));
    const after = await edge.fetch(path, { method: 'HEAD' });
    expect(cacheStatusOf(after)).toBe('registry-edge; fwd=miss; stored; detail=unproven');
  });

  it('gets a blob from object storage under the origin’s policy, with BLOB_REDIRECT=follow', async () => {
    const { path, url } = {
      ...(await pushBlob('0123456789')),
      ...createScriptedServer({ headers: { 'content-length': '10' }, body: '0123456789' }),
    };
    await rig.rule({ prefix: path, method: 'GET', status: 307, headers: { location: `${url}/x`, ...POLICY } });
    const response = await createEdge({ BLOB_REDIRECT: 'follow' }).fetch(path, { headers: PAGE });
    expect([response.status, await response.text(), policyOf(response)]).toEqual([200, '0123456789', POLICY]);
    const passed = await createEdge().fetch(path, { headers: PAGE });
    expect([passed.status, policyOf(passed)]).toEqual([307, POLICY]);
  });

  it.each([401, 403, 404, 429, 503])('gets the origin’s %i with its policy', async (status) => {
    const path = `/v2/${uniqueName()}/manifests/latest`;
    await rig.rule({ prefix: path, status, headers: POLICY, body: '{}' });
    for (const [who, variables] of WHO) {
      const response = await createEdge(variables).fetch(path, { headers: PAGE });
      const expected = who === 'an open mirror' ? mirrored(status) : status;
      expect([response.status, policyOf(response)]).toEqual([expected, POLICY]);
    }
  });
});

describe('OPTIONS', () => {
  const PATHS = [
    '/v2/',
    '/v2/_catalog',
    ...READS.map(([, , below]) => `/v2/NAME/${below(uniqueDigest())}`),
    '/v2/NAME/blobs/uploads/',
  ];

  it.each(PATHS.flatMap((path) => WHO.map(([who, variables]) => [path, who, variables] as const)))(
    'is answered by the origin: %s, %s',
    async (pattern, _who, variables) => {
      const { url, calls } = createScriptedServer({
        status: 204,
        headers: { ...POLICY, 'access-control-allow-methods': 'GET, HEAD' },
      });
      const path = pattern.replace('NAME', uniqueName());
      const init = { method: 'OPTIONS', headers: { ...PREFLIGHT, ...IDENTITY } };
      const response = await createEdge({ ...variables, ORIGIN_URL: url }).fetch(path, init);
      expect([response.status, policyOf(response)]).toEqual([204, POLICY]);
      expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD');
      const [asked, ...more] = await calls();
      expect([asked?.method, asked?.path, more]).toEqual(['OPTIONS', path, []]);
      // A firewall in front of the origin may refuse a request without a User-Agent.
      const { 'user-agent': userAgent } = variables === MIRROR ? { 'user-agent': USER_AGENT } : IDENTITY;
      expect(asked?.headers).toMatchObject({ ...PREFLIGHT, 'user-agent': userAgent });
      for (const [name, value] of Object.entries(IDENTITY)) {
        expect([name, asked?.headers[name] === value]).toEqual([name, variables !== MIRROR]);
      }
    },
  );

  it('proves no access, since everybody gets an answer', async () => {
    const { path } = await serve((digest) => `blobs/${digest}`);
    const edge = createEdge();
    await edge.fetch(path, { method: 'HEAD', headers: { authorization: 'Basic YWxpY2U6' } });
    await rig.rule({ prefix: path, method: 'OPTIONS', status: 200 });
    expect((await edge.fetch(path, { method: 'OPTIONS', headers: PREFLIGHT })).status).toBe(200);
    expect((await edge.fetch(path, { method: 'OPTIONS' })).status).toBe(200);
    expect(cacheStatusOf(await edge.fetch(path, { method: 'HEAD' }))).toContain('unproven');
  });

  it('closes no flight: a later request joins the one in progress', async () => {
    const { path, digest, body } = await serve((digest) => `manifests/${digest}`);
    await rig.forget(path);
    const headers = {
      'content-type': OCI_MANIFEST,
      'content-length': `${body.length}`,
      'docker-content-digest': digest,
    };
    await rig.rule({ prefix: path, method: 'HEAD', holdAs: path, status: 200, headers });
    await rig.rule({ prefix: path, method: 'OPTIONS', status: 204 });
    const edge = createEdge();
    const first = edge.send(path, manifestRequest('HEAD'));
    await expect.poll(async () => (await rig.requests(path)).length).toBe(1);
    expect((await edge.fetch(path, { method: 'OPTIONS', headers: PREFLIGHT })).status).toBe(204);
    const second = edge.send(path, manifestRequest('HEAD'));
    await rig.release(path);
    expect([(await first.answer).status, cacheStatusOf(await second.answer)]).toEqual([
      200,
      expect.stringContaining('collapsed'),
    ]);
    await Promise.all([first.over, second.over]);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('does not make an open mirror accept %s', async (method) => {
    const { url, calls } = createScriptedServer({});
    const edge = createEdge({ ...MIRROR, ORIGIN_URL: url });
    const response = await edge.fetch(`/v2/${uniqueName()}/manifests/latest`, { method, headers: PAGE });
    expect([response.status, await calls()]).toEqual([405, []]);
  });
});

describe('a browser’s GET /v2/ of an open mirror', () => {
  it.each([200, 401])('is a 200 with the origin’s policy, where the origin answers %i', async (status) => {
    const { url, calls } = createScriptedServer({
      status,
      headers: { ...POLICY, 'www-authenticate': 'Bearer', 'set-cookie': 'a=b' },
    });
    const edge = createEdge({ ...MIRROR, ORIGIN_URL: url });
    const response = await edge.fetch('/v2/', { headers: { ...PAGE, ...IDENTITY } });
    expect([response.status, await response.text(), policyOf(response)]).toEqual([200, '{}', POLICY]);
    expect(headersOf(response, ['www-authenticate', 'set-cookie'])).toEqual({
      'www-authenticate': null,
      'set-cookie': null,
    });
    expect((await calls()).map(({ headers }) => [headers.origin, headers.authorization])).toEqual([
      [PAGE.origin, undefined],
    ]);
    // For other callers the mirror does not ask the origin.
    expect((await edge.fetch('/v2/')).status).toBe(200);
    expect(await calls()).toHaveLength(1);
  });

  it('is a 200 without a policy where the origin is unreachable', async () => {
    const { url } = createScriptedServer({ instead: 'close' });
    const response = await createEdge({ ...MIRROR, ORIGIN_URL: url }).fetch('/v2/', { headers: PAGE });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, null]);
  });
});
