import { describe, expect, it } from 'vitest';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { contextOf, createClock } from '../support/context.ts';
import { demandToken, SERVICE } from '../support/demandToken.ts';
import { uniqueName } from '../support/digests.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';

const HEAD = { method: 'HEAD' };

/** What a client tells about itself. */
const IDENTITY = {
  authorization: 'Basic c2VjcmV0OnNlY3JldA==',
  cookie: 'session=secret',
  'x-docker-token': 'secret',
  'proxy-authorization': 'Basic c2VjcmV0',
};

async function demandingBlob(script = {}, more = '') {
  const blob = await pushBlob();
  const demanding = await demandToken(blob.name, script, more);
  return { blob, ...demanding, edge: createEdge(demanding.variables) };
}

/** Returns the `Authorization` of each request that the origin got in a repository. */
async function authorizations(name: string): Promise<(string | undefined)[]> {
  return (await rig.requests(`/v2/${name}/`)).slice(1).map(({ headers }) => headers.authorization);
}

/** Returns a request that the store cannot answer. */
function cold(edge: Edge, path: string): Promise<Response> {
  return edge.fetch(path, { headers: { range: 'bytes=0-0' } });
}

describe('a token that the origin demands of everybody', () => {
  it.each<[string, (name: string) => Promise<[path: string, init: RequestInit]>]>([
    ['HEAD of a blob', async (name) => [(await pushBlob('content', name)).path, HEAD]],
    ['GET of a blob', async (name) => [(await pushBlob('content', name)).path, {}]],
    ['HEAD of a manifest', async (name) => [(await pushManifest({ name })).path, manifestRequest('HEAD')]],
    ['GET of a manifest', async (name) => [(await pushManifest({ name })).path, manifestRequest('GET')]],
    ['GET of the tags', async (name) => [`/v2/${(await pushManifest({ name })).name}/tags/list`, {}]],
  ])('is fetched once, for the pull of this repository, and sent with a %s', async (_what, push) => {
    const name = uniqueName();
    const [path, init] = await push(name);
    const before = (await rig.requests(`/v2/${name}/`)).length;
    const { token, variables, questions } = await demandToken(name);
    const response = await createEdge(variables).fetch(path, init);
    expect(response.status).toBe(200);
    const asked = (await rig.requests(`/v2/${name}/`)).slice(before);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined, `Bearer ${token}`]);
    const [question = '', ...others] = await questions();
    expect(others).toEqual([]);
    const { pathname, searchParams } = new URL(question, 'http://token.test');
    expect(pathname).toBe('/token');
    expect(Object.fromEntries(searchParams)).toEqual({
      ...{ from: 'realm', service: SERVICE, scope: `repository:${name}:pull` },
    });
  });

  it('is kept until shortly before it expires, and sent ahead', async () => {
    const { blob, edge, token, questions } = await demandingBlob();
    for (let n = 0; n < 3; n++) expect((await cold(edge, blob.path)).status).toBe(206);
    expect(await authorizations(blob.name)).toEqual([undefined, ...Array(3).fill(`Bearer ${token}`)]);
    expect((await questions()).length).toBe(1);
    edge.clock.advance(294_000);
    await cold(edge, blob.path);
    expect((await questions()).length).toBe(1);
    edge.clock.advance(1_000);
    await cold(edge, blob.path);
    expect((await questions()).length).toBe(2);
  });

  it.each([
    ['a minute, if the answer says nothing', undefined, 54],
    ['what the answer says', 20, 18],
    ['a minute, if the answer says nonsense', -1, 54],
    ['an hour at most', 1e9, 3_595],
  ])('lives for %s', async (_what, expires_in, seconds) => {
    const body = JSON.stringify({ access_token: '{token}', expires_in });
    const { blob, edge, questions } = await demandingBlob({ body });
    await cold(edge, blob.path);
    edge.clock.advance(seconds * 1_000 - 1);
    await cold(edge, blob.path);
    expect((await questions()).length).toBe(1);
    edge.clock.advance(5_000);
    await cold(edge, blob.path);
    expect((await questions()).length).toBe(2);
  });

  it('is fetched once for requests that start together', async () => {
    const { blob, edge, questions } = await demandingBlob({ waitMs: 50 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => cold(edge, blob.path)));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(206));
    expect((await questions()).length).toBe(1);
  });

  it('is fetched ahead for another repository, once the origin has demanded one', async () => {
    const first = await demandingBlob();
    await cold(first.edge, first.blob.path);
    const blob = await pushBlob();
    await rig.rule({ prefix: `/v2/${blob.name}/`, unlessAuthorization: `Bearer ${first.token}`, status: 401 });
    expect((await cold(first.edge, blob.path)).status).toBe(206);
    expect(await authorizations(blob.name)).toEqual([`Bearer ${first.token}`]);
    expect(await first.questions()).toEqual([
      expect.anything(),
      expect.stringContaining(encodeURIComponent(blob.name)),
    ]);
  });

  it('is fetched anew where it was revoked', async () => {
    const { blob, edge, challenge, questions } = await demandingBlob();
    await cold(edge, blob.path);
    await rig.forget(`/v2/${blob.name}/`);
    const headers = { 'www-authenticate': challenge };
    await rig.rule({ prefix: `/v2/${blob.name}/`, status: 401, headers, times: 1 });
    edge.clock.advance(10_000);
    expect((await cold(edge, blob.path)).status).toBe(206);
    expect((await questions()).length).toBe(2);
  });

  it.each([
    ['that was just issued', '', 0],
    ['for want of rights', ',error="insufficient_scope"', 10_000],
  ])('is not fetched again where the origin refuses one %s', async (_why, more, ms) => {
    const { blob, edge, challenge, questions } = await demandingBlob({}, more);
    await cold(edge, blob.path);
    await rig.forget(`/v2/${blob.name}/`);
    await rig.rule({ prefix: `/v2/${blob.name}/`, status: 401, headers: { 'www-authenticate': challenge } });
    edge.clock.advance(ms);
    const before = (await authorizations(blob.name)).length;
    expect((await cold(edge, blob.path)).status).toBe(403);
    expect((await authorizations(blob.name)).length).toBe(before + 1);
    expect((await questions()).length).toBe(1);
  });

  it('is the edge’s own: nothing of the caller reaches the token server or the origin', async () => {
    const { blob, edge, token, headers } = await demandingBlob();
    for (const method of ['HEAD', 'GET', 'OPTIONS']) await edge.fetch(blob.path, { method, headers: IDENTITY });
    for (const path of [
      '/v2/',
      `/v2/${blob.name}/auth`,
      '/v2/auth?account=secret&client_id=secret&refresh_token=secret&password=secret&service=s',
    ]) {
      await edge.fetch(path, { headers: IDENTITY });
    }
    const requests = [...(await rig.requests(`/v2/${blob.name}/`)).slice(1), ...(await rig.requests('/v2/auth'))];
    const told = requests.map(({ headers: sent, path }): Record<string, string> => ({ ...sent, path }));
    const all = [...told, ...(await headers())];
    expect(all.length).toBeGreaterThan(4);
    for (const { authorization = `Bearer ${token}`, ...others } of all) {
      expect(authorization).toBe(`Bearer ${token}`);
      expect(JSON.stringify(others)).not.toMatch(/secret|c2Vjc/);
    }
    for (const { authorization } of await headers()) expect(authorization).toBeUndefined();
  });

  it('does not travel along a redirect, even on the origin’s own host', async () => {
    const { blob, edge, token } = await demandingBlob();
    await cold(edge, blob.path);
    const other = await pushBlob(blob.bytes);
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: other.path }, times: 2 });
    await edge.fetch(blob.path, HEAD);
    expect((await authorizations(blob.name)).at(-1)).toBe(`Bearer ${token}`);
    const [, ...followed] = await rig.requests(other.path.replace(/blobs.*/, ''));
    expect(followed.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('is told in Server-Timing', async () => {
    const { blob, edge } = await demandingBlob();
    const [first, second] = [await cold(edge, blob.path), await cold(edge, blob.path)];
    expect(first.headers.get('server-timing')).toMatch(/^token;dur=\d+, origin;dur=\d+$/);
    expect(second.headers.get('server-timing')).toMatch(/^origin;dur=\d+$/);
  });
});

describe('CLIENT_AUTH=origin', () => {
  it('leaves the challenge to the caller, and asks no token server', async () => {
    const blob = await pushBlob();
    const { challenge, questions } = await demandToken(blob.name);
    const response = await createEdge().fetch(blob.path, HEAD);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, challenge]);
    expect(await questions()).toEqual([]);
  });
});

describe('a realm', () => {
  it('that is not allowed is never asked: a 502, and the log names the variable once a minute', async () => {
    const { blob, variables, questions } = await demandingBlob();
    const edge = createEdge({ ...variables, TOKEN_REALMS_ALLOWED: 'auth.example.com' });
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(blob.path);
      expect([response.status, (await response.json()) as unknown]).toMatchObject([
        ...[502, { errors: [{ code: 'UNAVAILABLE', message: expect.stringMatching(/realm/) }] }],
      ]);
    }
    const warnings = () => edge.log.filter((line) => line.includes('TOKEN_REALMS_ALLOWED'));
    expect(warnings()).toEqual([expect.stringContaining(variables.TOKEN_REALMS_ALLOWED ?? '')]);
    edge.clock.advance(60_000);
    await edge.fetch(blob.path);
    expect(warnings().length).toBe(2);
    expect(await questions()).toEqual([]);
    // It stands in the way of nothing else.
    expect((await edge.fetch((await pushBlob()).path)).status).toBe(200);
  });

  it('that redirects is not followed', async () => {
    const elsewhere = createScriptedServer({ body: '{"token":"t"}' });
    const { blob, edge } = await demandingBlob({ status: 307, headers: { location: elsewhere.url } });
    expect((await edge.fetch(blob.path)).status).toBe(502);
    expect(await elsewhere.calls()).toEqual([]);
  });

  it('is fetched also while manifests on their way take all the room', async () => {
    const blob = await pushBlob();
    const { variables } = await demandToken(blob.name);
    const busy = (upstream: Upstream) => {
      upstream.bodies.room(contextOf(createClock())).resize(upstream.bodies.maxBytes);
      return upstream;
    };
    expect((await createEdge(variables, { upstream: busy }).fetch(blob.path, HEAD)).status).toBe(200);
  });
});
