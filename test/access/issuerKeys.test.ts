import { describe, expect, it, vi } from 'vitest';
import { createEdge, type Edge } from '../support/edge.ts';
import { AUDIENCE, createPlatform, DISCOVERY, identifying, loginWith, type Platform } from '../support/oidc.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { createIssuer } from '../support/tokens.ts';

const USERS = { app: { issuer: 'ci', claims: { repository: 'example/app' }, pull: ['team/app'] } };

const edgeFor = (platform: Pick<Platform, 'url'>) => createEdge(identifying({ ci: platform }, USERS));

const login = async (edge: Edge, token: string) =>
  (await edge.fetch('/v2/', { headers: { ...loginWith(token), 'cf-connecting-ip': crypto.randomUUID() } })).status;

const pathsAsked = async ({ server }: Platform) => (await server.calls()).map(({ path }) => path);

describe('the keys of an issuer', () => {
  it('are fetched once for a hundred logins, one after the other', async () => {
    const platform = await createPlatform();
    const edge = edgeFor(platform);
    for (let n = 0; n < 100; n++) expect(await login(edge, await platform.issue())).toBe(200);
    expect(await pathsAsked(platform)).toEqual([DISCOVERY, '/keys']);
  });

  it('are fetched once for a hundred logins at the same time, which all wait for them', async () => {
    const platform = await createPlatform();
    const edge = edgeFor(platform);
    const tokens = await Promise.all(Array.from({ length: 100 }, () => platform.issue()));
    const statuses = await Promise.all(tokens.map((token) => login(edge, token)));
    expect(statuses).toEqual(Array(100).fill(200));
    expect(await pathsAsked(platform)).toEqual([DISCOVERY, '/keys']);
  });

  it('are fetched again for a key that is not known, but not twice within 30 s', async () => {
    const issuer = await createIssuer();
    const platform = await createPlatform({}, issuer);
    const edge = edgeFor(platform);
    expect(await login(edge, await platform.issue())).toBe(200);
    const strangers = async () => {
      const other = await createIssuer();
      return login(edge, await other.issue({ iss: platform.url, aud: AUDIENCE, repository: 'example/app' }));
    };
    for (let n = 0; n < 3; n++) expect(await strangers()).toBe(401);
    expect(await pathsAsked(platform)).toHaveLength(2);
    edge.clock.advance(30_000);
    for (let n = 0; n < 3; n++) expect(await strangers()).toBe(401);
    expect(await pathsAsked(platform)).toEqual([DISCOVERY, '/keys', DISCOVERY, '/keys']);
  });

  it('are asked for past every cache, and no redirect is followed', async () => {
    const platform = await createPlatform();
    const edge = edgeFor(platform);
    const token = await platform.issue();
    const fetchSpy = vi.spyOn(globalThis, 'fetch');
    expect(await login(edge, token)).toBe(200);
    const options = { cache: 'no-store', redirect: 'manual' };
    expect(fetchSpy.mock.calls.map(([, given]) => given)).toMatchObject([options, options]);
    fetchSpy.mockRestore();
  });

  it('may be where the operator says, without a discovery', async () => {
    const issuer = await createIssuer();
    const keys = createScriptedServer({ body: issuer.jwks });
    const platform = await createPlatform({ [DISCOVERY]: { status: 500 } }, issuer);
    const settings = { issuer: platform.url, audience: AUDIENCE, jwks_uri: `${keys.url}/jwks` };
    const variables = { ...identifying({}, USERS), OIDC_ISSUERS: JSON.stringify({ ci: settings }) };
    expect(await login(createEdge(variables), await platform.issue())).toBe(200);
    expect(await pathsAsked(platform)).toEqual([]);
    expect((await keys.calls()).map(({ path }) => path)).toEqual(['/jwks']);
  });

  it('may have others besides them, of a type that nobody knew when the edge was built', async () => {
    const issuer = await createIssuer();
    const keys = [{ kty: 'AKP', alg: 'ML-DSA-65', pub: 'AA' }, ...JSON.parse(issuer.jwks).keys];
    const platform = await createPlatform({ '/keys': { body: JSON.stringify({ keys }) } }, issuer);
    expect(await login(edgeFor(platform), await platform.issue())).toBe(200);
  });

  it.each([
    ['names keys at another host', { issuer: '{base}', jwks_uri: 'http://localhost:1/keys' }, 'set jwks_uri'],
    ['names keys at another port', { issuer: '{base}', jwks_uri: 'http://127.0.0.1:1/keys' }, 'set jwks_uri'],
    ['names keys by https elsewhere', { issuer: '{base}', jwks_uri: 'https://127.0.0.1/keys' }, 'set jwks_uri'],
    ['names no keys', { issuer: '{base}' }, 'set jwks_uri'],
    ['names keys by a path', { issuer: '{base}', jwks_uri: '/keys' }, 'set jwks_uri'],
    ['is that of another issuer', { issuer: 'https://other.test', jwks_uri: '{base}/keys' }, 'of another issuer'],
    ['is that of a longer issuer', { issuer: '{base}/', jwks_uri: '{base}/keys' }, 'of another issuer'],
    ['names no issuer', { jwks_uri: '{base}/keys' }, 'of another issuer'],
  ])('are not fetched where the discovery document %s', async (_what, document, expected) => {
    const platform = await createPlatform({ [DISCOVERY]: { body: JSON.stringify(document) } });
    const edge = edgeFor(platform);
    const token = await platform.issue();
    const fetchSpy = vi.spyOn(globalThis, 'fetch');
    expect(await login(edge, token)).toBe(401);
    expect(fetchSpy).toHaveBeenCalledTimes(1);
    fetchSpy.mockRestore();
    expect(edge.log.join('\n')).toContain('OIDC_ISSUERS.ci: the discovery document');
    expect(edge.log.join('\n')).toContain(expected);
  });

  it('may be named by https at the host of the issuer alone', async () => {
    const elsewhere = createScriptedServer({ body: (await createIssuer()).jwks });
    const document = { issuer: '{base}', jwks_uri: elsewhere.url.replace('127.0.0.1', 'localhost') };
    const platform = await createPlatform({ [DISCOVERY]: { body: JSON.stringify(document) } });
    expect(await login(edgeFor(platform), await platform.issue())).toBe(401);
    expect(await elsewhere.calls()).toEqual([]);
  });

  it.each([
    ['the discovery is a redirect', { [DISCOVERY]: { status: 302, headers: { location: '{base}/moved' } } }],
    ['the discovery is no JSON', { [DISCOVERY]: { body: '<html>' } }],
    ['the discovery is null', { [DISCOVERY]: { body: 'null' } }],
    ['the discovery is too long', { [DISCOVERY]: { body: '{long}', long: 70_000 } }],
    ['the discovery closes the connection', { [DISCOVERY]: { instead: 'close' as const } }],
    ['the keys are a redirect', { '/keys': { status: 302, headers: { location: '{base}/moved' } } }],
    ['the keys are no key set', { '/keys': { body: '{}' } }],
    ['the keys are too long', { '/keys': { body: '{"keys":[{"kty":"EC","x":"{long}"}]}', long: 70_000 } }],
    ['the keys are down', { '/keys': { status: 503 } }],
  ])('let nobody in and break nothing where %s', async (_what, scripts) => {
    const issuer = await createIssuer();
    const moved = { body: issuer.jwks };
    const platform = await createPlatform({ '/moved': moved, ...scripts }, issuer);
    const edge = edgeFor(platform);
    expect(await login(edge, await platform.issue())).toBe(401);
    expect(await pathsAsked(platform)).not.toContain('/moved');
    expect(edge.log.join('\n')).toContain('OIDC_ISSUERS.ci: the keys could not be fetched');
  });
});
