import { beforeEach, describe, expect, inject, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, stableHeaders } from '../../support/edge.ts';
import { rig } from '../../support/push.ts';
import type { Rule } from '../../support/rig.ts';
import { createScriptedServer } from '../../support/scripted.ts';

const MIRROR = { CLIENT_AUTH: 'anonymous', LIST_TTL: '30s' };
const HIT = 'registry-edge; hit';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const REFERRERS = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ digest: uniqueDigest() }] });
const MAX_BYTES = 256 * 1024;

/** Every kind of list, with a body. */
const LISTS: [kind: string, path: (name: string) => string, body: string][] = [
  ['tags', (name) => `/v2/${name}/tags/list`, '{"name":"a","tags":["b"]}'],
  ['referrers', (name) => `/v2/${name}/referrers/${uniqueDigest()}`, REFERRERS],
  ['the catalog', () => '/v2/_catalog', '{"repositories":["a"]}'],
];

/** Returns the targets of the origin's requests below a path, queries included. */
const questions = async (path: string) => (await rig.requests(path)).map((request) => request.path);
const answerGet = (path: string, rule: Partial<Rule>) =>
  rig.rule({ prefix: path, method: 'GET', status: 200, ...rule });
/** Makes a path unique by a query: tests share the one catalog. */
const unique = (path: string) => `${path}?last=${crypto.randomUUID()}%2Fb&n=1`;

beforeEach(() => rig.forget('/v2/_catalog'));

describe.each(LISTS)('a GET of %s', (_kind, pathOf, body) => {
  it.each<[string, Record<string, string>]>([
    ['LIST_TTL=0', { CLIENT_AUTH: 'anonymous' }],
    ['callers that may push', { LIST_TTL: '30s' }],
  ])('is always forwarded, query included, with %s', async (_what, variables) => {
    const path = pathOf(uniqueName());
    await answerGet(path, { headers: { 'oci-filters-applied': 'artifactType' }, body });
    const [edge, target] = [createEdge(variables), unique(path)];
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(target);
      expect([response.status, await response.text(), cacheStatusOf(response)]).toEqual([
        200,
        body,
        'registry-edge; fwd=bypass',
      ]);
      expect(response.headers.get('oci-filters-applied')).toBe('artifactType');
    }
    expect(await questions(target)).toEqual([target, target]);
  });

  it('is answered from memory for LIST_TTL after the question, with the same body and headers', async () => {
    const path = pathOf(uniqueName());
    const headers = { 'content-type': INDEX, link: `<${path}?last=b&n=1>; rel="next"`, 'oci-filters-applied': 'x' };
    const target = unique(path);
    await answerGet(path, { headers: { ...headers, 'x-other': '1' }, body, holdAs: target, times: 1 });
    await answerGet(path, { body });
    const edge = createEdge(MIRROR);
    const late = edge.send(target);
    await expect.poll(() => questions(target)).toEqual([target]);
    edge.clock.advance(10_000);
    await rig.release(target);
    const cold = await late.answer;
    edge.clock.advance(19_999);
    const warm = await edge.fetch(target);
    expect([cacheStatusOf(cold), cacheStatusOf(warm)]).toEqual(['registry-edge; fwd=miss', HIT]);
    expect([cold.status, warm.status]).toEqual([200, 200]);
    expect(stableHeaders(cold)).toEqual({ ...stableHeaders(warm), 'x-other': '1' });
    expect(stableHeaders(warm)).toMatchObject({ ...headers, 'docker-distribution-api-version': 'registry/2.0' });
    expect([await cold.text(), await warm.text()]).toEqual([body, body]);
    expect(await questions(target)).toEqual([target]);
    edge.clock.advance(1);
    expect(cacheStatusOf(await edge.fetch(target))).toBe('registry-edge; fwd=miss');
  });

  it('is cached separately for each query and Accept', async () => {
    const path = pathOf(uniqueName());
    await answerGet(path, { body });
    const [edge, target] = [createEdge(MIRROR), unique(path)];
    const ask = async (query: string, accept?: string) =>
      cacheStatusOf(await edge.fetch(target + query, accept === undefined ? {} : { headers: { accept } })) === HIT;
    expect(await ask('')).toBe(false);
    for (const [query, accept] of [['&artifactType=a%2Fb'], ['&ns=docker.io'], ['', INDEX], ['', '*/*']] as const) {
      expect([query, accept, await ask(query, accept)]).toEqual([query, accept, false]);
      expect([query, accept, await ask(query, accept)]).toEqual([query, accept, true]);
    }
    expect(await ask('', `a/b, ${INDEX}`)).toBe(false);
    expect(await ask('', `${INDEX},a/b`)).toBe(true);
    expect(await ask('')).toBe(true);
  });

  it.each<[string, Partial<Rule>]>([
    ['a 404', { status: 404 }],
    ['a 403', { status: 403 }],
    ['a 429', { status: 429 }],
    ['a 503', { status: 503 }],
    ['another 2xx', { status: 203 }],
    ['a redirect', { status: 307, headers: { location: 'https://elsewhere.test/' } }],
    ['a list of more than 256 KiB', { body: body.padEnd(MAX_BYTES + 1) }],
    ['a longer list, in chunks', { headers: { 'transfer-encoding': 'chunked' }, body: body.padEnd(MAX_BYTES * 3) }],
    ['a list from a cache on the way', { headers: { age: '1' } }],
  ])('gets %s as it is, uncached', async (_what, rule) => {
    const path = pathOf(uniqueName());
    await answerGet(path, { body, ...rule });
    const [edge, target] = [createEdge(MIRROR), unique(path)];
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(target);
      expect([response.status, await response.text()]).toEqual([rule.status ?? 200, rule.body ?? body]);
      expect(cacheStatusOf(response)).not.toBe(HIT);
    }
    expect(await questions(target)).toHaveLength(2);
  });

  it.each<[string, Record<string, string>]>([
    ['with a Content-Length', {}],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('is cached up to 256 KiB, %s', async (_what, headers) => {
    const path = pathOf(uniqueName());
    await answerGet(path, { headers, body: body.padEnd(MAX_BYTES) });
    const [edge, target] = [createEdge(MIRROR), unique(path)];
    await edge.fetch(target);
    const warm = await edge.fetch(target);
    expect([cacheStatusOf(warm), (await warm.text()).length]).toEqual([HIT, MAX_BYTES]);
  });
});

describe('a GET of referrers', () => {
  it.each(['{"manifests":[]}', '{"schemaVersion":2}', '{"manifests":null}', 'not json', 'null'])(
    'does not cache an empty list: %s',
    async (body) => {
      const path = `/v2/${uniqueName()}/referrers/${uniqueDigest()}`;
      await answerGet(path, { body, times: 1 });
      await answerGet(path, { body: REFERRERS });
      const edge = createEdge(MIRROR);
      expect(await (await edge.fetch(path)).text()).toBe(body);
      expect(await (await edge.fetch(path)).text()).toBe(REFERRERS);
      expect(cacheStatusOf(await edge.fetch(path))).toBe(HIT);
    },
  );
});

describe('the Link of a list', () => {
  const origin = inject('originUrl');
  const secure = origin.replace('http:', 'https:');
  const page = '/v2/a/tags/list?last=x%2Fy&n=1';

  it.each([
    ['a relative address', `<${page}>; rel="next"`, `<${page}>; rel="next"`],
    ['an address at the origin', `<${origin}${page}>; rel="next"`, `<${page}>; rel="next"`],
    ['the same address with https', `<${secure}${page}>; rel="next"`, `<${page}>; rel="next"`],
    [
      'two addresses',
      `<${origin}${page}>; rel="next", <${page}>; rel="first"`,
      `<${page}>; rel="next", <${page}>; rel="first"`,
    ],
    [
      'an address at another host',
      `<https://elsewhere.test${page}>; rel="next"`,
      `<https://elsewhere.test${page}>; rel="next"`,
    ],
  ])('keeps the client on the edge, cold and warm, with %s', async (_what, link, expected) => {
    const path = `/v2/${uniqueName()}/tags/list`;
    await answerGet(path, { headers: { link }, body: '{}' });
    const mirror = createEdge(MIRROR);
    for (const edge of [createEdge(), mirror, mirror]) {
      expect((await edge.fetch(path)).headers.get('link')).toBe(expected);
    }
  });

  it('omits the path of the origin’s base URL', async () => {
    const [path, link] = [`/v2/${uniqueName()}/tags/list`, `<{base}${page}>; rel="next"`];
    for (const variables of [{}, MIRROR]) {
      const { url } = createScriptedServer({ headers: { link, 'content-length': '2' }, body: '{}' });
      const response = await createEdge({ ...variables, ORIGIN_URL: url }).fetch(path);
      expect(response.headers.get('link')).toBe(`<${page}>; rel="next"`);
    }
  });

  it('leads through all pages at the origin', async () => {
    const path = `/v2/${uniqueName()}/tags/list`;
    const pages = ['?n=1', '?n=1&last=a', '?n=1&last=b%2Bc'];
    const edge = createEdge(MIRROR);
    for (const next of [...pages.slice(1), '']) {
      await answerGet(path, { times: 1, ...(next && { headers: { link: `<${origin}${path}${next}>; rel="next"` } }) });
    }
    let at: string | undefined = path + pages[0];
    while (at) at = /^<([^>]*)>/.exec((await edge.fetch(at)).headers.get('link') ?? '')?.[1];
    expect(await questions(path)).toEqual(pages.map((page) => path + page));
  });
});

describe('a GET of a list from a failing origin', () => {
  it('breaks off for the client where the origin does, after 256 KiB', async () => {
    const path = `/v2/${uniqueName()}/tags/list`;
    const headers = { 'content-length': String(MAX_BYTES * 4), connection: 'close' };
    await answerGet(path, { headers, body: '{}'.padEnd(MAX_BYTES * 2) });
    const response = await createEdge(MIRROR).fetch(path);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it.each([
    ['breaks off', { connection: 'close' }, 0],
    ['stops sending', {}, 2_000],
  ])('is a 502, uncached, where the origin %s', async (_what, more, bodyWaitMs) => {
    const path = `/v2/${uniqueName()}/tags/list`;
    const { url, calls } = createScriptedServer({
      headers: { 'content-length': '99', ...more },
      bodyWaitMs,
      body: '{}',
    });
    const edge = createEdge({ ...MIRROR, ORIGIN_URL: url, ORIGIN_TIMEOUT: '300ms' });
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(path);
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    }
    expect(await calls()).toHaveLength(2);
  });
});
