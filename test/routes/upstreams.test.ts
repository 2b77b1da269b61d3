import { describe, expect, inject, it } from 'vitest';
import { uniqueName } from '../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, REGISTRY } from '../support/events.ts';
import { ADMIN_TOKEN, OPERATOR } from '../support/purge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';

const ORIGIN_URL = inject('originUrl');
const HEAD = { method: 'HEAD' };
const MIRROR = { ORIGIN_URL, CLIENT_AUTH: 'anonymous' };
const HIT = 'registry-edge; hit';

/** An edge with these upstreams, and none that nothing chooses. */
function edgeOf(upstreams: Record<string, Record<string, string>>, variables: Record<string, string> = {}): Edge {
  return createEdge({ ORIGIN_URL: '', UPSTREAMS: JSON.stringify(upstreams), ...variables });
}

const codeOf = async (response: Response) =>
  ((await response.json()) as { errors: { code: string; message: string }[] }).errors[0];

describe('an upstream that is chosen', () => {
  const edge = edgeOf({
    host: { ORIGIN_URL, HOSTS: 'mine.test' },
    prefix: { ...MIRROR, PREFIX: 'some/where' },
    ns: { ...MIRROR, NS: 'registry.test' },
  });
  const WAYS: readonly (readonly [way: string, urlOf: (path: string) => string])[] = [
    ['by its host', (path) => `https://mine.test${path}`],
    ['by a prefix', (path) => path.replace('/v2/', '/v2/some/where/')],
    ['by ?ns=', (path) => `${path}?ns=registry.test`],
  ];

  it.each(WAYS)('%s answers as the registry does, cold and warm', async (_way, urlOf) => {
    const blob = await pushBlob();
    const manifest = await pushManifest();
    for (const [path, init] of [
      [blob.path, HEAD],
      [manifest.path, manifestRequest('HEAD')],
      [manifest.path, manifestRequest('GET')],
    ] as const) {
      const direct = await fetch(ORIGIN_URL + path, init);
      const answers = [await edge.fetch(urlOf(path), init), await edge.fetch(urlOf(path), init)];
      for (const answer of answers) {
        expect([answer.status, await answer.text()]).toEqual([200, init.method === 'GET' ? manifest.bytes : '']);
        expect(answer.headers.get('docker-content-digest')).toBe(direct.headers.get('docker-content-digest'));
      }
      expect(answers.map((answer) => cacheStatusOf(answer)?.startsWith(HIT))).toEqual([false, true]);
    }
  });

  it.each(WAYS)('%s leads on under the names that the client used', async (_way, urlOf) => {
    const name = uniqueName();
    const link = `</v2/${name}/tags/list?n=1&last=a>; rel="next"`;
    await rig.rule({ prefix: `/v2/${name}/tags/list`, status: 200, headers: { link }, body: '{}' });
    const url = new URL(urlOf(`/v2/${name}/tags/list`), 'https://edge.test');
    url.searchParams.set('n', '1');
    const answer = await edge.fetch(url.href);
    const [, next = ''] = /<([^>]+)>/.exec(answer.headers.get('link') ?? '') ?? [];
    const { pathname, searchParams } = new URL(next, url);
    expect([pathname, searchParams.get('last')]).toEqual([url.pathname, 'a']);
    expect(searchParams.get('ns')).toBe(url.searchParams.get('ns'));
    expect((await edge.fetch(new URL(next, url).href)).status).toBe(200);
  });

  it.each(WAYS.slice(1))('%s gets no password', async (_way, urlOf) => {
    const server = createScriptedServer({ status: 404 });
    const spied = edgeOf({
      prefix: { ...MIRROR, ORIGIN_URL: server.url, PREFIX: 'some/where' },
      ns: { ...MIRROR, ORIGIN_URL: server.url, NS: 'registry.test' },
    });
    const authorization = 'Basic c2VjcmV0OnNlY3JldA==';
    await spied.fetch(urlOf(`/v2/${uniqueName()}/manifests/latest`), { headers: { authorization } });
    expect((await server.calls()).map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('by its host gets the password that was sent to it, and no other upstream does', async () => {
    const [one, other] = [createScriptedServer({ status: 404 }), createScriptedServer({ status: 404 })];
    const both = edgeOf({
      one: { ORIGIN_URL: one.url, HOSTS: 'one.test' },
      other: { ORIGIN_URL: other.url, HOSTS: 'other.test' },
    });
    const name = uniqueName();
    for (const host of ['one', 'other']) {
      await both.fetch(`https://${host}.test/v2/${name}/manifests/latest`, {
        headers: { authorization: `Basic ${host}` },
      });
    }
    const given = async (server: typeof one) => (await server.calls()).map(({ headers }) => headers.authorization);
    expect([await given(one), await given(other)]).toEqual([['Basic one'], ['Basic other']]);
  });
});

describe('what chooses no upstream', () => {
  const server = createScriptedServer({ status: 200 });
  const edge = edgeOf({
    host: { ORIGIN_URL: server.url, HOSTS: 'mine.test:5000' },
    mirror: { ...MIRROR, ORIGIN_URL: server.url, PREFIX: 'some', NS: 'registry.test' },
  });

  it.each([
    ['GET', '/v2/team/app/manifests/latest'],
    ['HEAD', '/v2/team/app/manifests/latest'],
    ['GET', '/v2/somewhere/app/manifests/latest'],
    ['GET', '/v2/some'],
    ['GET', '/v2/team/app/manifests/latest?ns=127.0.0.1:1'],
    ['GET', '/v2/team/app/manifests/latest?ns=registry.test.'],
    ['POST', '/v2/team/app/blobs/uploads/'],
    ['OPTIONS', '/v2/team/app/tags/list'],
    ['GET', 'https://mine.test:5001/v2/team/app/manifests/latest'],
    ['GET', 'https://mine.test.evil.test/v2/team/app/manifests/latest'],
    ['GET', '/v2/_catalog'],
  ])('%s %s is NAME_UNKNOWN, and nobody is asked', async (method, url) => {
    const answer = await edge.fetch(url, { method });
    expect(answer.status).toBe(404);
    if (method !== 'HEAD') expect((await codeOf(answer))?.code).toBe('NAME_UNKNOWN');
    expect(await server.calls()).toEqual([]);
  });

  it.each([['GET'], ['HEAD']])('but %s /v2/ is answered where several share a host', async (method) => {
    const answer = await edge.fetch('/v2/', { method });
    expect([answer.status, answer.headers.get('docker-distribution-api-version')]).toEqual([200, 'registry/2.0']);
    expect(await server.calls()).toEqual([]);
    const only = edgeOf({ host: { ORIGIN_URL: server.url, HOSTS: 'mine.test' } });
    expect((await only.fetch('/v2/', { method })).status).toBe(404);
  });

  it('goes to the one of ORIGIN_URL, if there is one', async () => {
    const blob = await pushBlob();
    const both = edgeOf({ mirror: { ...MIRROR, PREFIX: 'some' } }, { ORIGIN_URL });
    expect((await both.fetch(blob.path, HEAD)).status).toBe(200);
    expect((await both.fetch(blob.path.replace('/v2/', '/v2/some/'), HEAD)).status).toBe(200);
  });
});

describe('the paths of operators and registries', () => {
  const variables = { ADMIN_TOKEN, EVENTS_TOKEN, BLOBDESCRIPTOR: 'inmemory' };
  const [ONE, OTHER] = ['https://one.test', 'https://other.test'];
  const pair = () =>
    edgeOf({ one: { ...MIRROR, HOSTS: 'one.test' }, other: { ...MIRROR, HOSTS: 'other.test' } }, variables);

  /** Returns an edge that has a blob cached for both upstreams, and which of them answer it from the cache. */
  async function warm() {
    const [edge, blob] = [pair(), await pushBlob()];
    const isHit = async (host: string) => cacheStatusOf(await edge.fetch(host + blob.path, HEAD))?.startsWith(HIT);
    for (const host of [ONE, OTHER]) await isHit(host);
    return { edge, blob, hits: async () => [await isHit(ONE), await isHit(OTHER)] };
  }

  it('a purge is of the upstream that is named', async () => {
    const { edge, blob, hits } = await warm();
    expect(await hits()).toEqual([true, true]);
    const answer = await edge.fetch(`/_edge/cache/${blob.name}?upstream=other`, {
      method: 'DELETE',
      headers: OPERATOR,
    });
    expect(answer.status).toBe(200);
    expect(await hits()).toEqual([true, false]);
  });

  it('a descriptor is looked up in the upstream that is named', async () => {
    const { edge, blob } = await warm();
    const shown = async (query: string) => {
      const answer = await edge.fetch(`/_edge/descriptors/${blob.digest}${query}`, { headers: OPERATOR });
      return answer.status === 200 && ((await answer.json()) as { blobs: unknown }).blobs !== null;
    };
    expect([await shown('?upstream=one'), await shown('?upstream=other')]).toEqual([true, true]);
    await edge.fetch(`/_edge/cache/${blob.name}?upstream=one`, { method: 'DELETE', headers: OPERATOR });
    expect(await shown('?upstream=other')).toBe(true);
  });

  it.each(['', '?upstream=', '?upstream=none', '?upstream=one&upstream=other'])(
    'the query %j names none, and the answer says which there are',
    async (query) => {
      const answer = await pair().fetch(`/_edge/cache/team/app${query}`, { method: 'DELETE', headers: OPERATOR });
      expect([answer.status, (await codeOf(answer))?.message]).toEqual([400, expect.stringContaining('one, other')]);
    },
  );

  it('strangers learn no alias', async () => {
    const answer = await pair().fetch('/_edge/cache/team/app?upstream=none', { method: 'DELETE' });
    expect([answer.status, await answer.text()]).toEqual([401, expect.not.stringContaining('other')]);
  });

  it('events are of the upstream in the path', async () => {
    const { edge, blob, hits } = await warm();
    const body = JSON.stringify({ events: [eventsOf(blob.name).deleted(blob.digest)] });
    const send = async (path: string) => (await edge.fetch(path, { method: 'POST', headers: REGISTRY, body })).status;
    expect(await send('/_edge/events/other')).toBe(204);
    expect(await hits()).toEqual([true, false]);
    expect([await send('/_edge/events/none'), await send('/_edge/events'), await send('/_edge/events/')]).toEqual([
      ...[404, 404, 404],
    ]);
  });

  it("each upstream's registry may have a token of its own", async () => {
    const edge = edgeOf(
      {
        one: { ...MIRROR, HOSTS: 'one.test', EVENTS_TOKEN_SECRET: 'ONES_TOKEN' },
        other: { ...MIRROR, HOSTS: 'other.test' },
      },
      { ONES_TOKEN: 'only-one-knows-this' },
    );
    const send = async (alias: string, token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await edge.fetch(`/_edge/events/${alias}`, { method: 'POST', headers, body: '{"events":[]}' })).status;
    };
    expect(await send('one', 'only-one-knows-this')).toBe(204);
    expect(await send('one', EVENTS_TOKEN)).toBe(401);
    expect(await send('other', 'only-one-knows-this')).toBe(404);
  });
});

it('lines of the log name the upstream, but for the one that nothing chooses', async () => {
  const edge = edgeOf({ mirror: { ...MIRROR, PREFIX: 'some' } }, { ORIGIN_URL });
  const blob = await pushBlob();
  for (const path of [blob.path, blob.path.replace('/v2/', '/v2/some/')]) await edge.fetch(path, HEAD);
  const lines = edge.log.map((line) => JSON.parse(line) as { message: string; upstream?: string });
  expect(lines.filter(({ message }) => message === 'request').map(({ upstream }) => upstream)).toEqual([
    undefined,
    'mirror',
  ]);
  expect(new Set(lines.filter(({ message }) => message === 'event').map(({ upstream }) => upstream))).toEqual(
    new Set([undefined, 'mirror']),
  );
});

it.each([
  ['POST', '/_edge/events/mirror', 'mirror'],
  ['POST', '/_edge/events', undefined],
  ['POST', '/_edge/events?upstream=mirror', undefined],
  ['DELETE', '/_edge/cache/team/app?upstream=mirror', 'mirror'],
  ['DELETE', '/_edge/cache/team/app?upstream=mirror&upstream=', undefined],
  ['DELETE', '/_edge/cache/team/app?upstream=none', undefined],
  ['DELETE', '/_edge/cache/team/app', undefined],
])('lines of the log about %s %s name the upstream %j', async (method, path, expected) => {
  const edge = edgeOf({ mirror: { ...MIRROR, PREFIX: 'some' } }, { ORIGIN_URL, ADMIN_TOKEN, EVENTS_TOKEN });
  const isPurge = method === 'DELETE';
  const body = isPurge ? undefined : '{"events":[{"action":"push"}]}';
  await edge.fetch(path, { method, headers: isPurge ? OPERATOR : REGISTRY, ...(body && { body }) });
  const upstreams = edge.log.map((line) => (JSON.parse(line) as { upstream?: string }).upstream);
  expect(new Set(upstreams)).toEqual(new Set([expected]));
});
