import { describe, expect, inject, it } from 'vitest';
import { uniqueName } from '../support/digests.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { rig } from '../support/push.ts';
import { createScriptedServer, type Script } from '../support/scripted.ts';

const BASIC = 'Basic c2VjcmV0OnNlY3JldA==';
const TOKEN = '{"token":"for-the-client","expires_in":300}';
const JSON_TYPE = { 'content-type': 'application/json' };

/** A token server, and an edge whose origin demands its tokens of everybody. */
function setUp(script: Script = { body: TOKEN, headers: JSON_TYPE }, variables: Record<string, string> = {}) {
  const server = createScriptedServer(script);
  const challenge = `Basic realm="own", Bearer realm="${server.url}/token?from=realm",service="s",scope="repository:x:pull"`;
  const origin = createScriptedServer({ status: 401, headers: { 'www-authenticate': challenge }, body: '{}' });
  const edge = createEdge({ ORIGIN_URL: origin.url, TOKEN_REALM: 'edge', ...variables });
  return { server, origin, challenge, edge };
}

async function realmOf(edge: Edge, url: string, init: RequestInit = {}): Promise<string> {
  const answer = await edge.fetch(url, init);
  expect(answer.status).toBe(401);
  return answer.headers.get('www-authenticate') ?? '';
}

const LIST = `/v2/${uniqueName()}/tags/list`;

describe('TOKEN_REALM=edge: a challenge', () => {
  it.each([
    ['/v2/', {}, 'https://edge.test'],
    [LIST, {}, 'https://edge.test'],
    [LIST.replace('tags/list', 'manifests/latest'), { method: 'HEAD' }, 'https://edge.test'],
    [LIST.replace('tags/list', 'blobs/uploads/'), { method: 'POST' }, 'https://edge.test'],
    [`http://other.test:8787${LIST}`, {}, 'http://other.test:8787'],
    [`http://other.test${LIST}`, { headers: { 'x-forwarded-proto': 'https' } }, 'https://other.test'],
    [`http://other.test${LIST}`, { headers: { 'x-forwarded-proto': 'https, http' } }, 'https://other.test'],
    [`http://other.test${LIST}`, { headers: { 'x-forwarded-proto': 'http, https' } }, 'http://other.test'],
    [`http://other.test${LIST}`, { headers: { 'x-forwarded-proto': 'ftp' } }, 'http://other.test'],
    // The URL that the runtime builds from such a Host is not valid.
    [LIST, { headers: { host: '1.2.3.256:99999' } }, 'https://1.2.3.256:99999'],
  ])('in the answer to %s names the edge as the client reached it', async (url, init, address) => {
    const { edge, challenge, server } = setUp();
    const expected = challenge.replace(`${server.url}/token?from=realm`, `${address}/v2/auth/token`);
    expect(await realmOf(edge, url, init)).toBe(expected);
    // Also where the answer is remembered.
    expect(await realmOf(edge, url, init)).toBe(expected);
  });

  it.each([
    ['a realm that is not allowed', 'Bearer realm="https://elsewhere.test/token",service="s"'],
    ['another scheme', 'Basic realm="own"'],
  ])('of %s stays as it is', async (_what, challenge) => {
    const origin = createScriptedServer({ status: 401, headers: { 'www-authenticate': challenge } });
    const edge = createEdge({ ORIGIN_URL: origin.url, TOKEN_REALM: 'edge' });
    expect(await realmOf(edge, LIST)).toBe(challenge);
  });

  it('of an origin whose clients fetch their tokens themselves stays as it is', async () => {
    const { origin, challenge } = setUp();
    expect(await realmOf(createEdge({ ORIGIN_URL: origin.url }), LIST)).toBe(challenge);
  });
});

describe('TOKEN_REALM=edge: a request for a token', () => {
  it.each([
    ['that has seen the challenge', true],
    ['that has not', false],
  ])('goes to the realm of the origin, from an isolate %s', async (_what, hasSeen) => {
    const { edge, server, origin } = setUp();
    if (hasSeen) await realmOf(edge, '/v2/');
    const asked = (await origin.calls()).length;
    const headers = { authorization: BASIC, cookie: 'session=secret', 'x-token': 'secret' };
    const answer = await edge.fetch('/v2/auth/token?service=s&scope=repository:a/b:pull&account=me', { headers });
    expect([answer.status, await answer.text()]).toEqual([200, TOKEN]);
    expect(answer.headers.get('cache-control')).toContain('no-store');
    const [call, ...others] = await server.calls();
    expect(others).toEqual([]);
    const { pathname, searchParams } = new URL(call?.path ?? '', 'http://token.test');
    expect([pathname, ...searchParams]).toEqual([
      ...['/token', ['from', 'realm'], ['service', 's'], ['scope', 'repository:a/b:pull'], ['account', 'me']],
    ]);
    expect(call?.headers).toMatchObject({ authorization: BASIC });
    expect(call?.headers).not.toHaveProperty('cookie');
    expect(call?.headers).not.toHaveProperty('x-token');
    // The origin is asked for its realm without the password.
    const questions = (await origin.calls()).slice(asked);
    expect(questions.map(({ method, path }) => `${method} ${path}`)).toEqual(hasSeen ? [] : ['GET /v2/a/b/tags/list']);
    for (const question of questions) expect(question.headers).not.toHaveProperty('authorization');
  });

  it('goes to the realm that the repository named, where each has its own', async () => {
    const realms = [createScriptedServer({ body: 'one' }), createScriptedServer({ body: 'other' })];
    const names = [uniqueName(), uniqueName()];
    for (const [at, name] of names.entries()) {
      const challenge = `Bearer realm="${realms[at]?.url}/token",service="s"`;
      await rig.rule({ prefix: `/v2/${name}/`, status: 401, headers: { 'www-authenticate': challenge } });
    }
    const edge = createEdge({ TOKEN_REALM: 'edge', TOKEN_REALMS_ALLOWED: new URL(inject('scriptedUrl')).host });
    for (const name of names) await realmOf(edge, `/v2/${name}/tags/list`);
    const asked = names.map(async (name) => {
      const answer = await edge.fetch(`/v2/auth/token?service=s&scope=repository:${name}:pull`);
      return answer.text();
    });
    expect(await Promise.all(asked)).toEqual(['one', 'other']);
    const body = `grant_type=password&scope=${encodeURIComponent(`repository:${names[0]}:pull`)}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await (await edge.fetch('/v2/auth/token', { method: 'POST', headers, body })).text()).toBe('one');
  });

  it.each([
    ['another repository', 'app'],
    ['a request with another identity', 'test/app'],
  ])('goes to no realm that %s was sent to', async (_what, suffix) => {
    const [own, others] = [createScriptedServer({ body: 'own' }), createScriptedServer({ body: 'others' })];
    const challengeOf = ({ url }: typeof own) => ({ 'www-authenticate': `Bearer realm="${url}/token"` });
    const name = `${uniqueName()}/test/app`;
    const seen = name.replace('test/app', suffix);
    await rig.rule({ prefix: `/v2/${seen}/manifests/`, status: 401, headers: challengeOf(others) });
    await rig.rule({ prefix: `/v2/${name}/`, status: 401, headers: challengeOf(own) });
    const edge = createEdge({ TOKEN_REALM: 'edge', TOKEN_REALMS_ALLOWED: new URL(inject('scriptedUrl')).host });
    const identity: Record<string, string> = seen === name ? { 'x-original-host': 'me' } : {};
    const challenge = await realmOf(edge, `/v2/${seen}/manifests/latest`, { headers: identity });
    expect(challenge).toContain('https://edge.test/v2/auth/token');
    const headers = { authorization: BASIC };
    for (let n = 0; n < 2; n++) {
      const answer = await edge.fetch(`/v2/auth/token?service=s&scope=repository:${name}:pull`, { headers });
      expect(await answer.text()).toBe('own');
    }
    expect(await others.calls()).toEqual([]);
  });

  it('may be a form', async () => {
    const { edge, server } = setUp();
    const body = 'grant_type=password&service=s&username=me&password=secret&scope=repository%3Aa%2Fb%3Apull';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await edge.fetch('/v2/auth/token', { method: 'POST', body, headers });
    expect([answer.status, await answer.text()]).toEqual([200, TOKEN]);
    const [call] = await server.calls();
    expect([call?.method, call?.headers['content-type']]).toEqual(['POST', headers['content-type']]);
    expect(call?.headers['content-length']).toBe(String(body.length));
  });

  it('names repositories as the origin does', async () => {
    const { edge, server } = setUp(undefined, { DEFAULT_NAMESPACE: 'library' });
    await edge.fetch('/v2/auth/token?scope=repository:busybox:pull%20repository:a/b:pull&scope=registry:catalog:*');
    const [call] = await server.calls();
    expect(new URL(call?.path ?? '', 'http://token.test').searchParams.getAll('scope')).toEqual([
      ...['repository:library/busybox:pull repository:a/b:pull', 'registry:catalog:*'],
    ]);
  });

  it.each([
    [401, { 'www-authenticate': 'Basic realm="t"' }],
    [429, { 'retry-after': '7' }],
    [500, {}],
  ])('is refused as the token server refuses it: %d', async (status, headers) => {
    const { edge } = setUp({ status, headers: { ...headers, ...JSON_TYPE }, body: '{"details":"no"}' });
    const answer = await edge.fetch('/v2/auth/token?service=s', { headers: { authorization: BASIC } });
    expect([answer.status, await answer.text()]).toEqual([status, '{"details":"no"}']);
    expect(Object.fromEntries(answer.headers)).toMatchObject(headers);
  });

  it.each<[string, Script]>([
    ['does not answer', { instead: 'silence' }],
    ['closes the connection', { instead: 'close' }],
    ['answers without end', { body: '{long}', long: 300_000 }],
  ])('is a 502 where the token server %s', async (_what, script) => {
    const { edge } = setUp(script, { ORIGIN_TIMEOUT: '500ms' });
    const answer = await edge.fetch('/v2/auth/token?service=s', { headers: { authorization: BASIC } });
    expect(answer.status).toBe(502);
    expect(await answer.text()).toContain('the token server does not answer');
  });

  it('is not sent on where the token server leads to another one', async () => {
    const other = createScriptedServer({ body: TOKEN });
    const { edge } = setUp({ status: 307, headers: { location: `${other.url}/token` } });
    const answer = await edge.fetch('/v2/auth/token?service=s', { headers: { authorization: BASIC } });
    expect([answer.status, answer.headers.get('location')]).toEqual([502, null]);
    expect(await other.calls()).toEqual([]);
  });

  it.each(['HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('is no %s', async (method) => {
    const { edge, server } = setUp();
    const answer = await edge.fetch('/v2/auth/token', { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
    expect(await server.calls()).toEqual([]);
  });

  it('is refused if it is too long', async () => {
    const { edge, server } = setUp();
    const answer = await edge.fetch('/v2/auth/token', { method: 'POST', body: 'a'.repeat(300_000) });
    expect(answer.status).toBe(400);
    expect(await server.calls()).toEqual([]);
  });

  it('goes nowhere if the realm is not allowed, or the origin demands no token', async () => {
    const headers = { 'www-authenticate': 'Bearer realm="https://elsewhere.test/token"' };
    for (const [script, status] of [
      [{ status: 401, headers }, 502],
      [{ status: 200 }, 404],
    ] as const) {
      const edge = createEdge({ ORIGIN_URL: createScriptedServer(script).url, TOKEN_REALM: 'edge' });
      expect((await edge.fetch('/v2/auth/token?service=s', { headers: { authorization: BASIC } })).status).toBe(status);
    }
  });

  it('is a path of the origin like any other where clients fetch their tokens themselves', async () => {
    const { origin } = setUp();
    await createEdge({ ORIGIN_URL: origin.url }).fetch('/v2/auth/token');
    expect((await origin.calls()).map(({ path }) => path)).toEqual(['/v2/auth/token']);
  });
});
