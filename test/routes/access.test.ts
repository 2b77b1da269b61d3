import { describe, expect, it } from 'vitest';
import { someName } from '../support/digests.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';

const ALICE = 'Basic YWxpY2U6c2VjcmV0';
const MALLORY = 'Basic bWFsbG9yeTpndWVzcw';
const head = (authorization?: string, more: Record<string, string> = {}) => ({
  method: 'HEAD',
  headers: { ...(authorization && { authorization }), ...more },
});

/** A blob in a repository that only Alice may read. */
async function guardedBlob() {
  const blob = await pushBlob();
  await rig.rule({
    prefix: `/v2/${blob.name}/`,
    unlessAuthorization: ALICE,
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="https://auth.test/token",service="rig"', 'content-length': '2' },
    body: '{}',
  });
  return blob;
}

describe('CLIENT_AUTH=origin', () => {
  it('gives nothing from a warm cache to another credential, or to none, and no Cache-Status', async () => {
    const blob = await guardedBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toBe('registry-edge; hit; detail=kv');
    for (const authorization of [undefined, MALLORY, `${ALICE}=`, ALICE.toLowerCase(), `Bearer ${ALICE}`]) {
      const response = await edge.fetch(blob.path, head(authorization));
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('https://auth.test/token');
      expect(cacheStatusOf(response)).toBeNull();
      expect(response.headers.has('server-timing')).toBe(false);
    }
  });

  it('asks the origin for the same credential in another repository', async () => {
    const blob = await guardedBlob();
    const other = await pushBlob(blob.bytes);
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    expect(cacheStatusOf(await edge.fetch(other.path, head(ALICE)))).toContain('unproven');
    expect(await other.asked()).toBe(1);
  });

  it.each([
    ['cookie', 'session=1'],
    ['cf-access-jwt-assertion', 'a.b.c'],
    ['cf-access-client-id', 'id'],
    ['x-gitlab-token', 'glpat'],
    ['private-token', 'glpat'],
    ['x-api-key', 'key'],
  ])('neither earns nor uses a grant with another identity: %s', async (name, value) => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (let n = 0; n < 2; n++) {
      expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE, { [name]: value })))).toContain('unproven');
    }
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('unproven');
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('hit');
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE, { [name]: value })))).toContain('unproven');
  });

  it('forgets a grant 60 s after the request that earned it', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    edge.clock.advance(59_999);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('hit');
    edge.clock.advance(1);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('unproven');
  });

  it("forgets a grant at the token's own end", async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const token = `Bearer ${jwt({ exp: Math.floor(edge.clock.now() / 1000) + 10 })}`;
    await edge.fetch(blob.path, head(token));
    edge.clock.advance(8_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(token)))).toContain('hit');
    edge.clock.advance(3_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(token)))).toContain('unproven');
  });

  it('earns a grant by a GET of anything in the repository, and by its own HEAD', async () => {
    const blob = await pushBlob();
    for (const path of [blob.path, `/v2/${blob.name}/tags/list`]) {
      const edge = createEdge();
      await edge.fetch(path, { headers: { authorization: ALICE } });
      expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).not.toContain('unproven');
    }
  });

  it('earns no grant by a write, a redirect, a failure, or an answer out of a cache on the way', async () => {
    const blob = await pushBlob();
    const tags = `/v2/${blob.name}/tags/list`;
    const edge = createEdge();
    await edge.fetch(`/v2/${blob.name}/blobs/uploads/`, { method: 'POST' });
    for (const rule of [
      { status: 307, headers: { location: 'https://storage.test/x' } },
      { status: 404 },
      { status: 500 },
      { status: 200, headers: { age: '1' } },
      { status: 200, headers: { 'cf-cache-status': 'HIT' } },
      { status: 200, headers: { 'cache-status': 'other-edge; hit; detail=kv' } },
    ]) {
      await rig.rule({ prefix: tags, ...rule });
      await edge.fetch(tags);
      await rig.forget(tags);
      const { path } = await pushBlob(undefined, blob.name);
      expect(cacheStatusOf(await edge.fetch(path, head()))).toContain('unproven');
      edge.clock.advance(60_001);
    }
  });

  it('loses a grant when the origin refuses the caller', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    await rig.rule({ prefix: `/v2/${blob.name}/tags/list`, status: 403 });
    edge.clock.advance(1);
    await edge.fetch(`/v2/${blob.name}/tags/list`, { headers: { authorization: ALICE } });
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('unproven');
  });

  it('keeps a refusal against the late 200 of an earlier request', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const tags = `/v2/${blob.name}/tags/list`;
    await rig.rule({ prefix: tags, status: 200, holdAs: blob.name });
    const late = edge.send(tags, { headers: { authorization: ALICE } });
    await expect.poll(() => blob.asked()).toBe(1);
    edge.clock.advance(10);
    await rig.rule({ prefix: `/v2/${blob.name}/manifests/`, status: 401 });
    await edge.fetch(`/v2/${blob.name}/manifests/latest`, { headers: { authorization: ALICE } });
    await rig.release(blob.name);
    await late.over;
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('unproven');
  });

  it('sends the caller’s own Authorization, and writes it nowhere', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    const [sent] = await rig.requests(blob.path);
    expect(sent?.headers.authorization).toBe(ALICE);
    expect(edge.log.join('\n')).not.toContain(ALICE.slice(6));
  });

  it('answers a granted caller from the cache while the origin is out of reach; a cold HEAD is a 502', async () => {
    const blob = await pushBlob();
    const cold = await pushBlob(undefined, blob.name);
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    const down = createEdge({ ORIGIN_URL: 'http://127.0.0.1:1' }, { clock: edge.clock });
    const unproven = await down.fetch(blob.path, head(ALICE));
    expect([unproven.status, cacheStatusOf(unproven)]).toEqual([502, null]);
    await rig.rule({ prefix: `/v2/${blob.name}/`, delayMs: 300 });
    const slow = createEdge({ ORIGIN_TIMEOUT: '100ms' }, { clock: edge.clock });
    expect((await slow.fetch(cold.path, head(ALICE))).status).toBe(502);
    const get = await slow.fetch(cold.path, { headers: { authorization: ALICE } });
    expect([get.status, get.headers.get('content-type')]).toEqual([502, 'application/json']);
    expect(await get.json()).toEqual({
      errors: [{ code: 'UNAVAILABLE', message: 'the origin registry cannot be reached' }],
    });
    await rig.forget(`/v2/${blob.name}/`);
    expect((await edge.fetch(cold.path, head(ALICE))).status).toBe(200);
  });
});

describe('CLIENT_AUTH=anonymous', () => {
  const edge = createEdge({ CLIENT_AUTH: 'anonymous' });

  it('asks the origin without any identity of the caller', async () => {
    const blob = await pushBlob();
    const identity = { authorization: ALICE, cookie: 'a=b', 'x-gitlab-token': 't', 'cf-access-jwt-assertion': 'j' };
    await edge.fetch(blob.path, { method: 'HEAD', headers: identity });
    await edge.fetch(blob.path, { headers: identity });
    for (const { headers } of await rig.requests(`/v2/${blob.name}/`)) {
      expect(Object.keys(headers).filter((name) => name in identity)).toEqual([]);
    }
  });

  it('answers GET /v2/ itself', async () => {
    const response = await createEdge({ CLIENT_AUTH: 'anonymous', ORIGIN_URL: 'http://127.0.0.1:1' }).fetch('/v2/');
    expect([response.status, await response.text()]).toEqual([200, '{}']);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('refuses %s as UNSUPPORTED without asking the origin', async (method) => {
    const name = someName();
    for (const path of [`/v2/${name}/blobs/uploads/`, `/v2/${name}/manifests/latest`, `/v2/${name}/any/thing`]) {
      const response = await edge.fetch(path, { method });
      expect(response.status).toBe(405);
      expect(await response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    }
    expect(await rig.requests(`/v2/${name}/`)).toEqual([]);
  });

  it('relays a refusal of the origin, and remembers nothing of it', async () => {
    const blob = await guardedBlob();
    const response = await edge.fetch(blob.path, head(ALICE));
    expect([response.status, cacheStatusOf(response)]).toEqual([401, null]);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    await rig.forget(`/v2/${blob.name}/`);
    expect((await edge.fetch(blob.path, head())).status).toBe(200);
  });
});

/** A token as an origin issues it; nobody checks the signature here. */
function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, '');
  return `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}.c2ln`;
}
