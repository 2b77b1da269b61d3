import { describe, expect, it } from 'vitest';
import { uniqueName } from '../support/digests.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { unverifiableJwt } from '../support/jwt.ts';
import { pushBlob, rig } from '../support/push.ts';
import { STORES } from '../support/stores.ts';

const ALICE = 'Basic YWxpY2U6c2VjcmV0';
const MALLORY = 'Basic bWFsbG9yeTpndWVzcw';
const head = (authorization?: string, more: Record<string, string> = {}) => ({
  method: 'HEAD',
  headers: { ...(authorization && { authorization }), ...more },
});

/** Pushes a blob into a repository that only Alice may read. */
const BEARER = 'Bearer realm="https://auth.test/token",service="rig"';

/** Pushes a blob of a repository where the origin asks everybody but Alice to log in. */
async function pushGuardedBlob(challenge = BEARER) {
  const blob = await pushBlob();
  await rig.rule({
    prefix: `/v2/${blob.name}/`,
    unlessAuthorization: ALICE,
    status: 401,
    headers: { 'www-authenticate': challenge, 'content-length': '2' },
    body: '{}',
  });
  return blob;
}

describe.each(STORES)('CLIENT_AUTH=origin, with the cache in $name', ({ name: store, variables }) => {
  it('gives another credential, or none, nothing from a warm cache and no Cache-Status', async () => {
    const blob = await pushGuardedBlob();
    const edge = createEdge(variables);
    await edge.fetch(blob.path, head(ALICE));
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toBe(`registry-edge; hit; detail=${store}`);
    for (const authorization of [undefined, MALLORY, `${ALICE}=`, ALICE.toLowerCase(), `Bearer ${ALICE}`]) {
      const response = await edge.fetch(blob.path, head(authorization));
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('https://auth.test/token');
      expect(cacheStatusOf(response)).toBeNull();
      expect(response.headers.has('server-timing')).toBe(false);
    }
  });
});

describe('CLIENT_AUTH=origin', () => {
  it('asks the origin for the same credential in another repository', async () => {
    const blob = await pushGuardedBlob();
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
    ['x-remote-user', 'admin'],
    ['x-goog-iap-jwt-assertion', 'a.b.c'],
    ['x-original-url', '/v2/other'],
    ['x-whatever', '1'],
  ])('neither earns nor uses a grant if the request has another identity: %s', async (name, value) => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (let n = 0; n < 2; n++) {
      expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE, { [name]: value })))).toContain('detail=identity');
    }
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('unproven');
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('hit');
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE, { [name]: value })))).toContain('detail=identity');
    expect(edge.log.join('\n')).toContain(`"header":"${name}"`);
    expect(edge.log.join('\n')).not.toContain(`"${value}"`);
  });

  it('ends a grant 60 s after the request that earned it', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    edge.clock.advance(59_999);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('hit');
    edge.clock.advance(1);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('unproven');
  });

  it('ends a grant when the token expires', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const token = `Bearer ${unverifiableJwt({ exp: Math.floor(edge.clock.now() / 1000) + 10 })}`;
    await edge.fetch(blob.path, head(token));
    edge.clock.advance(8_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(token)))).toContain('hit');
    edge.clock.advance(3_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, head(token)))).toContain('unproven');
  });

  it.each(['user-agent', 'accept', 'x-request-id', 'traceparent', 'cf-ray', 'x-forwarded-for', 'x-meta-source-client'])(
    'does not take %s for an identity',
    async (name) => {
      const blob = await pushBlob();
      const edge = createEdge();
      await edge.fetch(blob.path, head(ALICE, { [name]: 'text/plain' }));
      expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('hit');
    },
  );

  it('remembers no grant for an Authorization that is not ASCII', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (let n = 0; n < 2; n++) {
      expect(cacheStatusOf(await edge.fetch(blob.path, head('Bearer \u00e9')))).toContain('detail=identity');
    }
  });

  it('stores no answer to a request with another identity', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const identity = { cookie: 'session=1' };
    expect(cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD', headers: identity }))).not.toContain('stored');
    expect(cacheStatusOf(await edge.fetch(blob.path, { headers: identity }))).not.toContain('stored');
  });

  it('sends the caller’s own Authorization to the origin, and does not log it', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, head(ALICE));
    const [sent] = await rig.requests(blob.path);
    expect(sent?.headers.authorization).toBe(ALICE);
    expect(edge.log.join('\n')).not.toContain(ALICE.slice(6));
  });

  it('answers a caller with a grant from the cache while the origin is silent, and everything else with 502', async () => {
    const blob = await pushBlob();
    const uncached = await pushBlob(undefined, blob.name);
    const edge = createEdge({ ORIGIN_TIMEOUT: '100ms' });
    await edge.fetch(blob.path, head(ALICE));
    await rig.rule({ prefix: `/v2/${blob.name}/`, delayMs: 300 });
    expect(cacheStatusOf(await edge.fetch(blob.path, head(ALICE)))).toContain('hit');
    const unproven = await edge.fetch(blob.path, head(MALLORY));
    expect([unproven.status, cacheStatusOf(unproven)]).toEqual([502, null]);
    expect((await edge.fetch(uncached.path, head(ALICE))).status).toBe(502);
    const get = await edge.fetch(uncached.path, { headers: { authorization: ALICE } });
    expect([get.status, get.headers.get('content-type')]).toEqual([502, 'application/json']);
    expect(await get.json()).toEqual({
      errors: [{ code: 'UNAVAILABLE', message: 'the origin registry cannot be reached' }],
    });
    await rig.forget(`/v2/${blob.name}/`);
    expect((await edge.fetch(uncached.path, head(ALICE))).status).toBe(200);
  });
});

describe('CLIENT_AUTH=anonymous', () => {
  const edge = createEdge({ CLIENT_AUTH: 'anonymous' });

  it('asks the origin without any identity of the caller', async () => {
    const blob = await pushBlob();
    const identity = {
      authorization: ALICE,
      cookie: 'a=b',
      'x-gitlab-token': 't',
      'cf-access-jwt-assertion': 'j',
      'x-auth-key': 'k',
    };
    await edge.fetch(blob.path, { method: 'HEAD', headers: identity });
    await edge.fetch(blob.path, { headers: identity });
    for (const { headers } of await rig.requests(`/v2/${blob.name}/`)) {
      expect(Object.keys(headers).filter((name) => name in identity)).toEqual([]);
    }
  });

  it('does not use what the origin confirmed to a caller, in the same store', async () => {
    const blob = await pushGuardedBlob('Basic realm="rig"');
    const closed = createEdge();
    await closed.fetch(blob.path, head(ALICE));
    expect(cacheStatusOf(await closed.fetch(blob.path, head(ALICE)))).toContain('hit');
    for (let n = 0; n < 2; n++) expect((await edge.fetch(blob.path, head())).status).toBe(403);
  });

  it('forgets what is deleted through an edge that accepts pushes, in the same store', async () => {
    const blob = await pushBlob();
    const [open, closed] = [createEdge({ CLIENT_AUTH: 'anonymous', MEMORY_TTL: '0' }), createEdge()];
    await open.fetch(blob.path, head());
    expect(cacheStatusOf(await open.fetch(blob.path, head()))).toContain('hit');
    expect((await closed.fetch(blob.path, { method: 'DELETE' })).status).toBe(202);
    expect((await open.fetch(blob.path, head())).status).toBe(404);
  });

  it('answers GET /v2/ itself', async () => {
    const response = await createEdge({ CLIENT_AUTH: 'anonymous', ORIGIN_URL: 'http://127.0.0.1:1' }).fetch('/v2/');
    expect([response.status, await response.text()]).toEqual([200, '{}']);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('refuses %s as UNSUPPORTED without asking the origin', async (method) => {
    const name = uniqueName();
    for (const path of [`/v2/${name}/blobs/uploads/`, `/v2/${name}/manifests/latest`, `/v2/${name}/any/thing`]) {
      const response = await edge.fetch(path, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(await response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    }
    expect(await rig.requests(`/v2/${name}/`)).toEqual([]);
  });

  it('gives the origin’s refusal without its challenge, and does not store it', async () => {
    const blob = await pushGuardedBlob('Basic realm="rig"');
    const response = await edge.fetch(blob.path, head(ALICE));
    expect([response.status, cacheStatusOf(response)]).toEqual([403, null]);
    expect(response.headers.has('www-authenticate')).toBe(false);
    await rig.forget(`/v2/${blob.name}/`);
    expect((await edge.fetch(blob.path, head())).status).toBe(200);
  });
});
