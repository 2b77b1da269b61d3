import { describe, expect, it } from 'vitest';
import { demandToken } from '../support/demandToken.ts';
import { uniqueName } from '../support/digests.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { STORES } from '../support/stores.ts';

const HEAD = { method: 'HEAD' };
const ACCOUNT = { ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'mirror', ORIGIN_PASSWORD: 'pässword' };
/** RFC 7617: UTF-8, in base64. */
const AUTHORIZATION = 'Basic bWlycm9yOnDDpHNzd29yZA==';
const CALLERS = 'Basic c2VjcmV0OnNlY3JldA==';

/** Variables of a mirror that lends the account for one repository. */
const lending = (name: string, variables: Record<string, string> = {}) => ({
  ...{ CLIENT_AUTH: 'anonymous', ...ACCOUNT, ALLOW_REPOSITORIES: name, ...variables },
});

/** Makes the origin show a repository to the account alone. */
const demandLogin = (name: string, authorization = AUTHORIZATION) =>
  rig.rule({
    ...{ prefix: `/v2/${name}/`, unlessAuthorization: authorization, status: 401, body: '{}' },
    headers: { 'www-authenticate': 'Basic realm="origin"' },
  });

const authorizations = async (name: string) =>
  (await rig.requests(`/v2/${name}/`)).map(({ headers }) => headers.authorization);

describe('an account that is lent', () => {
  it('is sent to an origin that demands a login, and from then on ahead', async () => {
    const manifest = await pushManifest();
    const blob = await pushBlob('content', manifest.name);
    await demandLogin(manifest.name);
    const before = (await authorizations(manifest.name)).length;
    const edge = createEdge(lending(manifest.name));
    const asCaller = (init: RequestInit) => ({
      ...init,
      headers: { ...(init.headers as object), authorization: CALLERS },
    });
    const answers = [
      await edge.fetch(blob.path, asCaller(HEAD)),
      await edge.fetch(manifest.path, asCaller(manifestRequest('GET'))),
      await edge.fetch(`/v2/${manifest.name}/tags/list`, asCaller({})),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await authorizations(manifest.name)).slice(before)).toEqual([
      ...[undefined, AUTHORIZATION, AUTHORIZATION, AUTHORIZATION],
    ]);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
  });

  it('is sent to the token server, and to nobody else', async () => {
    const blob = await pushBlob();
    const { token, variables, headers, questions } = await demandToken(blob.name);
    const before = (await authorizations(blob.name)).length;
    const edge = createEdge(lending(blob.name, variables));
    expect((await edge.fetch(blob.path, { ...HEAD, headers: { authorization: CALLERS } })).status).toBe(200);
    expect((await headers()).map(({ authorization }) => authorization)).toEqual([AUTHORIZATION]);
    expect(await questions()).toEqual([expect.stringContaining(encodeURIComponent(`repository:${blob.name}:pull`))]);
    expect((await authorizations(blob.name)).slice(before)).toEqual([undefined, `Bearer ${token}`]);
  });

  it('is sent to the token server where the origin demands a login in another repository', async () => {
    const [one, other] = [await pushBlob(), await pushBlob()];
    await demandLogin(one.name);
    const { variables, token } = await demandToken(other.name);
    const edge = createEdge(lending(`${one.name},${other.name}`, { ...variables, DESCRIPTOR_TTL: '0' }));
    for (let n = 0; n < 2; n++) {
      expect((await edge.fetch(one.path)).status).toBe(200);
      expect((await edge.fetch(other.path)).status).toBe(200);
    }
    expect((await authorizations(other.name)).at(-1)).toBe(`Bearer ${token}`);
  });

  it('does not follow a redirect', async () => {
    const blob = await pushBlob();
    const storage = createScriptedServer({ body: blob.bytes });
    await demandLogin(blob.name);
    await rig.rule({
      prefix: blob.path,
      unlessAuthorization: 'x',
      method: 'GET',
      status: 307,
      headers: { location: storage.url },
    });
    const edge = createEdge(lending(blob.name, { BLOB_REDIRECT: 'follow' }));
    await edge.fetch(blob.path);
    for (const { headers } of await storage.calls()) expect(headers.authorization).toBeUndefined();
  });

  it.each([200, 307, 403, 404])('has a session at the origin that callers do not get, with a %d', async (status) => {
    const name = uniqueName();
    const headers = { 'set-cookie': 'sid=of-the-account; Path=/', location: createScriptedServer({}).url };
    await rig.rule({ prefix: `/v2/${name}/`, status, headers, body: '{}' });
    await demandLogin(name);
    const edge = createEdge(lending(name));
    const digest = `sha256:${'a'.repeat(64)}`;
    for (const [path, init] of [
      [`/v2/${name}/blobs/${digest}`, {}],
      [`/v2/${name}/blobs/${digest}`, HEAD],
      [`/v2/${name}/blobs/${digest}`, { headers: { origin: 'https://page.example.com' } }],
      [`/v2/${name}/manifests/latest`, {}],
      [`/v2/${name}/tags/list`, {}],
    ] as const) {
      const answer = await edge.fetch(path, init);
      expect([path, answer.headers.get('set-cookie')]).toEqual([path, null]);
    }
  });

  it.each([
    ['the origin', async (name: string) => void (await demandLogin(name, 'Basic of-somebody-else')), {}],
    ['its token server', async () => {}, { status: 401, body: '{}' }],
  ])('that %s refuses is a 502 without a challenge, and a line in the log', async (by, refuse, script) => {
    const blob = await pushBlob();
    const { variables } = by === 'the origin' ? { variables: {} } : await demandToken(blob.name, script);
    await refuse(blob.name);
    const edge = createEdge(lending(blob.name, variables));
    const answer = await edge.fetch(blob.path);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([502, null]);
    expect(edge.log.filter((line) => line.includes('check the variables of ORIGIN_ACCOUNT')).length).toBeGreaterThan(0);
    expect(edge.log.join()).not.toContain(ACCOUNT.ORIGIN_PASSWORD);
  });

  it('that may not see the repository is a 403: logging in would not help the caller', async () => {
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, status: 403, body: '{}' });
    expect((await createEdge(lending(blob.name)).fetch(blob.path)).status).toBe(403);
  });

  it.each([
    ['/v2/{other}/manifests/latest', 403],
    ['/v2/{name}/sub/manifests/latest', 403],
    ['/v2/{name}/manifests/latest?ns=other.test', 403],
    ['/v2/_catalog', 404],
    ['/v2/{name}/blobs/uploads/session', 404],
    ['/v2/{name}/_oras/artifacts/referrers', 404],
    ['/v2/{name}/blobs/md5:00', 404],
    ['/v2/', 200],
  ])('shows nothing but what it is lent for: %s', async (path, status) => {
    const server = createScriptedServer({ status: 200 });
    const edge = createEdge(lending('team/app', { ORIGIN_URL: server.url }));
    const answer = await edge.fetch(path.replace('{name}', 'team/app').replace('{other}', 'team/other'));
    expect(answer.status).toBe(status);
    expect(await server.calls()).toEqual([]);
  });

  it('is of no use to pushes', async () => {
    expect(
      (await createEdge(lending('team/app')).fetch('/v2/team/app/blobs/uploads/', { method: 'POST' })).status,
    ).toBe(404);
    expect((await createEdge(lending('team/app')).fetch('/v2/team/app/manifests/v1', { method: 'PUT' })).status).toBe(
      405,
    );
  });
});

describe('LEND_ACCOUNT=public', () => {
  const PUBLIC = { LEND_ACCOUNT: 'public', ALLOW_REPOSITORIES: '**' };

  it('lends nothing that is not shown to nobody', async () => {
    const manifest = await pushManifest();
    const blob = await pushBlob('content', manifest.name);
    await demandLogin(manifest.name);
    const before = (await authorizations(manifest.name)).length;
    const edge = createEdge(lending(manifest.name, PUBLIC));
    for (const [path, init] of [
      [blob.path, HEAD],
      [blob.path, {}],
      [manifest.path, manifestRequest('GET')],
      [manifest.tagPath, manifestRequest('HEAD')],
      [`/v2/${manifest.name}/tags/list`, {}],
    ] as const)
      expect((await edge.fetch(path, init)).status).toBe(403);
    expect(new Set((await authorizations(manifest.name)).slice(before))).toEqual(new Set([undefined]));
  });

  it('lends what is: a GET is asked with the account, and a HEAD as nobody', async () => {
    const manifest = await pushManifest();
    const { variables, headers } = await demandToken(manifest.name);
    const edge = createEdge(lending(manifest.name, { ...variables, ...PUBLIC }));
    expect((await edge.fetch(manifest.path, manifestRequest('HEAD'))).status).toBe(200);
    expect((await headers()).map(({ authorization }) => authorization)).toEqual([undefined]);
    expect((await edge.fetch(manifest.path, manifestRequest('GET'))).status).toBe(200);
    expect((await headers()).map(({ authorization }) => authorization)).toEqual([undefined, AUTHORIZATION]);
  });

  it.each([
    ['a redirect', { status: 302, headers: { location: '{sign-on}/login?for=nobody' } }],
    ['a page', { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<html></html>' }],
  ])('lends nothing where those who are not logged in get to a sign-on by %s', async (_what, answer) => {
    const signOn = createScriptedServer({ headers: { 'content-type': 'text/html' }, body: '<html></html>' });
    const manifest = await pushManifest();
    const blob = await pushBlob('content', manifest.name);
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, value.replace('{sign-on}', signOn.url)]),
    );
    await rig.rule({ prefix: `/v2/${manifest.name}/`, ...answer, unlessAuthorization: AUTHORIZATION, headers });
    // From then on the account is sent ahead.
    const known = uniqueName();
    await rig.rule({ prefix: `/v2/${known}/`, method: 'HEAD', status: 200, times: 1 });
    await demandLogin(known);
    const edge = createEdge(lending(`${manifest.name},${known}`, PUBLIC));
    await edge.fetch(`/v2/${known}/tags/list`);
    expect(await authorizations(known)).toEqual([undefined, undefined, AUTHORIZATION]);
    for (const [path, init] of [
      [blob.path, {}],
      [blob.path, HEAD],
      [blob.path, HEAD],
      [manifest.path, manifestRequest('GET')],
      [`/v2/${manifest.name}/tags/list`, {}],
    ] as const) {
      const { status, headers } = await edge.fetch(path, init);
      const isSignOn = status >= 300 || headers.get('content-type')?.startsWith('text/html');
      expect([path, isSignOn]).toEqual([path, true]);
    }
  });

  it('lends what nobody is redirected to as well', async () => {
    const blob = await pushBlob();
    const storage = createScriptedServer({ body: blob.bytes });
    for (const [n, method] of ['GET', 'HEAD', 'HEAD'].entries()) {
      const headers = { location: `${storage.url}/blob?signature=${n}` };
      await rig.rule({ prefix: blob.path, method, status: 307, headers, times: 1 });
    }
    const answer = await createEdge(lending(blob.name, PUBLIC)).fetch(blob.path);
    expect([answer.status, answer.headers.get('location')]).toEqual([307, `${storage.url}/blob?signature=0`]);
  });

  it('lends nothing that the account is shown in another form', async () => {
    const [manifest, other] = [await pushManifest(), await pushManifest()];
    await rig.rule({
      ...{ prefix: manifest.tagPath, method: 'HEAD', status: 200, times: 1 },
      headers: { 'docker-content-digest': other.digest, 'content-type': other.mediaType, 'content-length': '7' },
    });
    const edge = createEdge(lending(manifest.name, PUBLIC));
    const answer = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([200, manifest.digest]);
  });
});

describe.each(STORES.filter(({ name }) => name !== 'memory'))('cache in $name', ({ variables }) => {
  it('what was confirmed with an account counts neither without it nor with another one', async () => {
    const blob = await pushBlob();
    const edges = [
      createEdge({ ...variables, CLIENT_AUTH: 'anonymous' }),
      createEdge(lending(blob.name, variables)),
      createEdge(lending(blob.name, { ...variables, ORIGIN_USERNAME: 'another' })),
    ];
    for (const edge of edges) {
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
    }
    expect(cacheStatusOf(await createEdge(lending(blob.name, variables)).fetch(blob.path, HEAD))).toContain('hit');
  });

  it('what was confirmed with an account is not shown where it is lent for public content', async () => {
    const manifest = await pushManifest();
    await demandLogin(manifest.name);
    const open = createEdge(lending(manifest.name, variables));
    const limited = createEdge(lending(manifest.name, { ...variables, LEND_ACCOUNT: 'public' }));
    for (const method of ['HEAD', 'GET'] as const) {
      for (const path of [manifest.path, manifest.tagPath]) {
        expect((await open.fetch(path, manifestRequest(method))).status).toBe(200);
        expect((await limited.fetch(path, manifestRequest(method))).status).toBe(403);
      }
    }
  });
});

describe('ALLOW_REPOSITORIES', () => {
  it('limits what is asked for wherever it is set', async () => {
    const [one, other] = [await pushBlob(), await pushBlob()];
    const edge = createEdge({ ALLOW_REPOSITORIES: `${one.name},team/app` });
    expect((await edge.fetch(one.path, HEAD)).status).toBe(200);
    const refused = await edge.fetch(other.path);
    const { errors } = (await refused.json()) as { errors: { code: string; detail: unknown }[] };
    expect([refused.status, errors[0]?.code, errors[0]?.detail]).toEqual([
      403,
      'DENIED',
      { policy: 'ALLOW_REPOSITORIES' },
    ]);
    expect(await other.asked()).toBe(0);
    const mount = `/v2/team/app/blobs/uploads/?mount=${other.digest}&from=${other.name}`;
    // A blob of another repository is uploaded, and not mounted.
    expect((await edge.fetch(mount, { method: 'POST' })).status).toBe(202);
    expect((await rig.requests('/v2/team/app/blobs/uploads/')).some(({ path }) => path.includes(other.name))).toBe(
      false,
    );
    expect((await edge.fetch('/v2/_catalog')).status).toBe(403);
    expect((await edge.fetch(`/v2/${uniqueName()}/blobs/uploads/`, { method: 'POST' })).status).toBe(403);
  });

  it('bounds an account also where policies are only reported', async () => {
    const [one, other] = [await pushBlob(), await pushBlob()];
    const edge = createEdge(lending(one.name, { POLICY_MODE: 'report' }));
    expect([(await edge.fetch(one.path)).status, (await edge.fetch(other.path)).status]).toEqual([200, 403]);
  });

  it('names repositories as the origin does', async () => {
    const manifest = await pushManifest({ name: `library/${crypto.randomUUID()}` });
    const variables = { CLIENT_AUTH: 'anonymous', DEFAULT_NAMESPACE: 'library', ALLOW_REPOSITORIES: manifest.name };
    const short = manifest.path.replace('library/', '');
    expect((await createEdge(variables).fetch(short, manifestRequest('GET'))).status).toBe(200);
  });
});
