import { beforeEach, describe, expect, inject, it } from 'vitest';
import { someDigest, someName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, lastingHeaders } from '../../support/edge.ts';
import { rig } from '../../support/push.ts';
import type { Rule } from '../../support/rig.ts';
import { scripted } from '../../support/scripted.ts';

const MIRROR = { CLIENT_AUTH: 'anonymous', LIST_TTL: '30s' };
const HIT = 'registry-edge; hit';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const REFERRERS = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ digest: someDigest() }] });
const MAX_BYTES = 256 * 1024;

/** The kinds of list, each with what one of them holds. */
const LISTS: [kind: string, path: (name: string) => string, body: string][] = [
  ['tags', (name) => `/v2/${name}/tags/list`, '{"name":"a","tags":["b"]}'],
  ['referrers', (name) => `/v2/${name}/referrers/${someDigest()}`, REFERRERS],
  ['the catalog', () => '/v2/_catalog', '{"repositories":["a"]}'],
];

/** What the origin was asked for below a path, with the query. */
const questions = async (path: string) => (await rig.requests(path)).map((request) => request.path);
const answers = (path: string, rule: Partial<Rule>) => rig.rule({ prefix: path, method: 'GET', status: 200, ...rule });
/** A path nobody else asks for: there is but one catalog. */
const asOwn = (path: string) => `${path}?last=${crypto.randomUUID()}%2Fb&n=1`;

beforeEach(() => rig.forget('/v2/_catalog'));

describe.each(LISTS)('readList: %s', (_kind, pathOf, body) => {
  it.each<[string, Record<string, string>]>([
    ['LIST_TTL=0', { CLIENT_AUTH: 'anonymous' }],
    ['callers that may push', { LIST_TTL: '30s' }],
  ])('hands every question on as it is, query and all: %s', async (_what, variables) => {
    const path = pathOf(someName());
    await answers(path, { headers: { 'oci-filters-applied': 'artifactType' }, body });
    const [edge, target] = [createEdge(variables), asOwn(path)];
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

  it('is answered from memory for LIST_TTL from the question on, the same in body and headers', async () => {
    const path = pathOf(someName());
    const headers = { 'content-type': INDEX, link: `<${path}?last=b&n=1>; rel="next"`, 'oci-filters-applied': 'x' };
    const target = asOwn(path);
    await answers(path, { headers: { ...headers, 'x-other': '1' }, body, holdAs: target, times: 1 });
    await answers(path, { body });
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
    expect(lastingHeaders(cold)).toEqual({ ...lastingHeaders(warm), 'x-other': '1' });
    expect(lastingHeaders(warm)).toMatchObject({ ...headers, 'docker-distribution-api-version': 'registry/2.0' });
    expect([await cold.text(), await warm.text()]).toEqual([body, body]);
    expect(await questions(target)).toEqual([target]);
    edge.clock.advance(1);
    expect(cacheStatusOf(await edge.fetch(target))).toBe('registry-edge; fwd=miss');
  });

  it('is kept apart by query and by what is accepted', async () => {
    const path = pathOf(someName());
    await answers(path, { body });
    const [edge, target] = [createEdge(MIRROR), asOwn(path)];
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
    ['a 401', { status: 401 }],
    ['a 429', { status: 429 }],
    ['a 503', { status: 503 }],
    ['another 2xx', { status: 203 }],
    ['a redirect', { status: 307, headers: { location: 'https://elsewhere.test/' } }],
    ['of more than 256 KiB', { body: body.padEnd(MAX_BYTES + 1) }],
    ['of as much in chunks', { headers: { 'transfer-encoding': 'chunked' }, body: body.padEnd(MAX_BYTES * 3) }],
    ['out of a cache on the way', { headers: { age: '1' } }],
  ])('is never kept when it is %s, which reaches the client as it is', async (_what, rule) => {
    const path = pathOf(someName());
    await answers(path, { body, ...rule });
    const [edge, target] = [createEdge(MIRROR), asOwn(path)];
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(target);
      expect([response.status, await response.text()]).toEqual([rule.status ?? 200, rule.body ?? body]);
      expect(cacheStatusOf(response)).not.toBe(HIT);
    }
    expect(await questions(target)).toHaveLength(2);
  });

  it.each<[string, Record<string, string>]>([
    ['', {}],
    [', in chunks', { 'transfer-encoding': 'chunked' }],
  ])('of 256 KiB is kept%s', async (_what, headers) => {
    const path = pathOf(someName());
    await answers(path, { headers, body: body.padEnd(MAX_BYTES) });
    const [edge, target] = [createEdge(MIRROR), asOwn(path)];
    await edge.fetch(target);
    const warm = await edge.fetch(target);
    expect([cacheStatusOf(warm), (await warm.text()).length]).toEqual([HIT, MAX_BYTES]);
  });
});

describe('readList: a list of referrers', () => {
  it.each(['{"manifests":[]}', '{"schemaVersion":2}', '{"manifests":null}', 'not json', 'null'])(
    'that is empty is never kept: %s',
    async (body) => {
      const path = `/v2/${someName()}/referrers/${someDigest()}`;
      await answers(path, { body, times: 1 });
      await answers(path, { body: REFERRERS });
      const edge = createEdge(MIRROR);
      expect(await (await edge.fetch(path)).text()).toBe(body);
      expect(await (await edge.fetch(path)).text()).toBe(REFERRERS);
      expect(cacheStatusOf(await edge.fetch(path))).toBe(HIT);
    },
  );
});

describe('readList: Link', () => {
  const origin = inject('originUrl');
  const secure = origin.replace('http:', 'https:');
  const page = '/v2/a/tags/list?last=x%2Fy&n=1';

  it.each([
    ['a relative address', `<${page}>; rel="next"`, `<${page}>; rel="next"`],
    ['one of the origin', `<${origin}${page}>; rel="next"`, `<${page}>; rel="next"`],
    ['the same with https', `<${secure}${page}>; rel="next"`, `<${page}>; rel="next"`],
    ['two', `<${origin}${page}>; rel="next", <${page}>; rel="first"`, `<${page}>; rel="next", <${page}>; rel="first"`],
    [
      'one of another host',
      `<https://elsewhere.test${page}>; rel="next"`,
      `<https://elsewhere.test${page}>; rel="next"`,
    ],
  ])('keeps the client on the edge, cold and warm: %s', async (_what, link, expected) => {
    const path = `/v2/${someName()}/tags/list`;
    await answers(path, { headers: { link }, body: '{}' });
    const mirror = createEdge(MIRROR);
    for (const edge of [createEdge(), mirror, mirror]) {
      expect((await edge.fetch(path)).headers.get('link')).toBe(expected);
    }
  });

  it('leaves the path of the origin’s base URL out', async () => {
    const [path, link] = [`/v2/${someName()}/tags/list`, `<{base}${page}>; rel="next"`];
    for (const variables of [{}, MIRROR]) {
      const { url } = scripted({ headers: { link, 'content-length': '2' }, body: '{}' });
      const response = await createEdge({ ...variables, ORIGIN_URL: url }).fetch(path);
      expect(response.headers.get('link')).toBe(`<${page}>; rel="next"`);
    }
  });

  it('leads through all pages at the origin', async () => {
    const path = `/v2/${someName()}/tags/list`;
    const pages = ['?n=1', '?n=1&last=a', '?n=1&last=b%2Bc'];
    const edge = createEdge(MIRROR);
    for (const next of [...pages.slice(1), '']) {
      await answers(path, { times: 1, ...(next && { headers: { link: `<${origin}${path}${next}>; rel="next"` } }) });
    }
    let at: string | undefined = path + pages[0];
    while (at) at = /^<([^>]*)>/.exec((await edge.fetch(at)).headers.get('link') ?? '')?.[1];
    expect(await questions(path)).toEqual(pages.map((page) => path + page));
  });
});

describe('readList: an origin in trouble', () => {
  it('that breaks off after 256 KiB is seen to by the client', async () => {
    const path = `/v2/${someName()}/tags/list`;
    const headers = { 'content-length': String(MAX_BYTES * 4), connection: 'close' };
    await answers(path, { headers, body: '{}'.padEnd(MAX_BYTES * 2) });
    const response = await createEdge(MIRROR).fetch(path);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it.each([
    ['breaks off', { connection: 'close' }, 0],
    ['stops sending', {}, 2_000],
  ])('that %s is a 502, and nothing is kept', async (_what, more, bodyWaitMs) => {
    const path = `/v2/${someName()}/tags/list`;
    const { url, calls } = scripted({ headers: { 'content-length': '99', ...more }, bodyWaitMs, body: '{}' });
    const edge = createEdge({ ...MIRROR, ORIGIN_URL: url, ORIGIN_TIMEOUT: '300ms' });
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(path);
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    }
    expect(await calls()).toHaveLength(2);
  });
});
