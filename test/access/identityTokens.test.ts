import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { createEdge, type Edge } from '../support/edge.ts';
import {
  AUDIENCE,
  createPlatform,
  GITHUB_CLAIMS,
  GITLAB_CLAIMS,
  identifying,
  loginWith,
  type Platform,
} from '../support/oidc.ts';
import { type Pushed, pushBlob, rig, sha256 } from '../support/push.ts';
import { createIssuer } from '../support/tokens.ts';

const CLAIMS = { repository: 'example/app', ref: 'refs/heads/*' };

/** An edge whose one user is a job with some claims, and may pull a blob. */
async function setup(platform: Pick<Platform, 'url'>, claims: object = CLAIMS, variables: Record<string, string> = {}) {
  const blob = await pushBlob();
  const users = { app: { issuer: 'ci', claims, pull: [blob.name] } };
  return { blob, edge: createEdge({ ...identifying({ ci: platform }, users), ...variables }) };
}

const head = (edge: Edge, { path }: Pick<Pushed, 'path'>, token: string) =>
  edge.fetch(path, { method: 'HEAD', headers: loginWith(token) });

const platform = await createPlatform();
const seconds = (edge: Edge) => Math.floor(edge.clock.now() / 1_000);

describe('an identity token', () => {
  it.each([
    ['GitHub', GITHUB_CLAIMS, CLAIMS],
    ['GitHub, by its subject', GITHUB_CLAIMS, { sub: 'repo:example/app:**' }],
    ['GitLab', GITLAB_CLAIMS, { project_path: 'example/**', ref: 'main', ref_protected: 'true' }],
    ['whoever writes numbers and flags', { id: 7, isSafe: true }, { id: '7', isSafe: 'true' }],
  ])('lets a job of %s in', async (_what, claims, expected) => {
    const { edge, blob } = await setup(platform, expected);
    const token = await platform.issue(claims);
    expect((await edge.fetch('/v2/', { headers: loginWith(token) })).status).toBe(200);
    expect((await head(edge, blob, token)).status).toBe(200);
    expect((await edge.fetch('/v2/other/app/tags/list', { headers: loginWith(token) })).status).toBe(403);
  });

  it.each(['RS256', 'EdDSA'])('may be signed with %s', async (alg) => {
    const other = await createPlatform({}, await createIssuer(alg));
    const { edge, blob } = await setup(other);
    expect((await head(edge, blob, await other.issue())).status).toBe(200);
  });

  it.each([
    ['several audiences', { aud: ['https://other.test', AUDIENCE] }],
    ['claims that nobody asks about', { nested: { repository: 'evil/app' }, list: ['a'] }],
  ])('may have %s', async (_what, claims) => {
    const { edge, blob } = await setup(platform);
    expect((await head(edge, blob, await platform.issue(claims))).status).toBe(200);
  });

  it.each(['oidc', 'anonymous', 'a b/c'])('is a password with the name %s, up to 6 KB long', async (name) => {
    const { edge, blob } = await setup(platform);
    const token = await platform.issue({ more: 'x'.repeat(4_000) });
    const init = { method: 'HEAD', headers: loginWith(token, name) };
    expect((await edge.fetch(blob.path, init)).status).toBe(200);
  });

  it('is nowhere but at the edge', async () => {
    const other = await createPlatform();
    const { edge, blob } = await setup(other);
    const token = await other.issue();
    const before = (await rig.requests(`/v2/${blob.name}/`)).length;
    for (const method of ['HEAD', 'GET']) await edge.fetch(blob.path, { method, headers: loginWith(token) });
    await edge.fetch(`/v2/${blob.name}/tags/list`, { headers: loginWith(token) });
    const asked = (await rig.requests(`/v2/${blob.name}/`)).slice(before);
    expect(asked.length).toBeGreaterThan(0);
    const [, , signature = ''] = token.split('.');
    const seen = JSON.stringify([asked, await other.server.calls(), edge.log]);
    expect(seen).not.toContain(signature);
    expect(seen).not.toContain(loginWith(token).authorization.slice(6));
    for (const { headers } of [...asked, ...(await other.server.calls())])
      expect(headers.authorization).toBeUndefined();
  });
});

describe('no identity token', () => {
  const expired = () => Math.floor(Date.now() / 1_000) - 61;

  it.each<[string, Record<string, unknown>]>([
    ['for another audience', { aud: 'https://other.test' }],
    ['for several other audiences', { aud: ['https://other.test', `${AUDIENCE}.evil.test`] }],
    ['without an audience', { aud: undefined }],
    ['of an issuer that is not configured', { iss: 'https://evil.test' }],
    ['of an issuer whose name only begins like it', { iss: `${platform.url}/` }],
    ['without an issuer', { iss: undefined }],
    ['that has expired', { exp: expired() }],
    ['that never expires', { exp: undefined }],
    ['that is not valid yet', { nbf: Math.floor(Date.now() / 1_000) + 120 }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject of endless length', { sub: `repo:example/app:${'a'.repeat(1_024)}` }],
    ['with another claim', { ref: 'refs/tags/v1' }],
    ['with one of two claims', { repository: 'example/other' }],
    ['without a claim', { ref: undefined }],
    ['with a list as the claim', { repository: ['example/app'] }],
    ['with an object as the claim', { repository: { toString: 'example/app' } }],
    ['with nothing as the claim', { repository: null }],
    ['of a name that only begins like it', { repository: 'example/app-evil' }],
    ['of a name that only ends like it', { repository: 'evil/example/app' }],
    ['of the same name elsewhere', { repository: 'evil/app' }],
    ['of a name in other letters', { repository: 'Example/App' }],
  ])('%s lets anybody in', async (_what, claims) => {
    const { edge, blob } = await setup(platform);
    const answer = await head(edge, blob, await platform.issue(claims));
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Basic')]);
    expect((await head(edge, blob, await platform.issue())).status).toBe(200);
  });

  it('that is forged lets anybody in', async () => {
    const [issuer, another] = [await createIssuer('RS256'), await createIssuer('RS256')];
    const attacked = await createPlatform({}, issuer);
    const { edge, blob } = await setup(attacked);
    const exp = Math.floor(Date.now() / 1_000) + 300;
    const claims = { ...GITHUB_CLAIMS, iss: attacked.url, aud: AUDIENCE, exp };
    const valid = await attacked.issue();
    const [header = '', payload = '', signature = ''] = valid.split('.');
    const { kid = '' } = JSON.parse(atob(header)) as { kid?: string };
    const symmetric = (secret: string) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(new TextEncoder().encode(secret));
    const forged: Record<string, string> = {
      'another key with the name of this one': await another.issue(claims, { kid }),
      'another key': await another.issue(claims),
      'no signature': new UnsecuredJWT(claims).encode(),
      'the public key as a secret': await symmetric(issuer.pem),
      'the key set as a secret': await symmetric(issuer.jwks),
      'another payload': `${header}.${payload.slice(0, -4)}AAAA.${signature}`,
      'a cut signature': `${header}.${payload}.${signature.slice(0, -2)}`,
      'the key in its header': await another.issue(claims, { jwk: another.jwk as never }),
    };
    for (const [what, token] of Object.entries(forged)) {
      expect([what, (await head(edge, blob, token)).status]).toEqual([what, 401]);
    }
    expect((await head(edge, blob, valid)).status).toBe(200);
  });

  it('of one issuer lets anybody in as a user of another one', async () => {
    const other = await createPlatform();
    const blob = await pushBlob();
    const users = { app: { issuer: 'ci', claims: CLAIMS, pull: [blob.name] } };
    const edge = createEdge(identifying({ ci: platform, other }, users));
    expect((await head(edge, blob, await other.issue())).status).toBe(401);
    expect((await head(edge, blob, await other.issue({ iss: platform.url }))).status).toBe(401);
    expect((await head(edge, blob, await platform.issue())).status).toBe(200);
  });

  it('of an unknown issuer causes a request', async () => {
    const { edge, blob } = await setup(platform);
    const fetchSpy = vi.spyOn(globalThis, 'fetch');
    expect((await head(edge, blob, await platform.issue({ iss: 'https://evil.test' }))).status).toBe(401);
    expect(fetchSpy).not.toHaveBeenCalled();
    fetchSpy.mockRestore();
  });
});

describe('a login with an identity token', () => {
  it('is remembered for a minute, and never longer than the token is valid', async () => {
    const { edge, blob } = await setup(platform);
    // It expired within the leeway.
    const token = await platform.issue({ exp: seconds(edge) - 40 });
    expect((await head(edge, blob, token)).status).toBe(200);
    edge.clock.advance(21_000);
    expect((await head(edge, blob, token)).status).toBe(401);
    const longer = await platform.issue({ exp: seconds(edge) + 10 });
    expect((await head(edge, blob, longer)).status).toBe(200);
    edge.clock.advance(71_000);
    expect((await head(edge, blob, longer)).status).toBe(401);
  });

  it('fails as others do: after ten of them within a minute, none with this subject is heard', async () => {
    const { edge, blob } = await setup(platform);
    const from = async (token: string) =>
      (await edge.fetch(blob.path, { headers: { ...loginWith(token), 'cf-connecting-ip': '192.0.2.7' } })).status;
    const known = await platform.issue();
    expect(await from(known)).toBe(200);
    for (let n = 0; n < 10; n++) expect(await from(await platform.issue({ aud: `${n}` }))).toBe(401);
    expect(await from(await platform.issue())).toBe(401);
    expect(await from(known)).toBe(200);
    expect(await from(await platform.issue({ sub: 'repo:example/app:pull_request' }))).toBe(200);
    edge.clock.advance(60_001);
    expect(await from(await platform.issue())).toBe(200);
  });

  it('leaves those of USERS as they are', async () => {
    const blob = await pushBlob();
    const jwt = await platform.issue();
    const secretOf = async (text: string) => (await sha256(text)).slice('sha256:'.length);
    const users = {
      ci: { secret: await secretOf('a.dotted.password'), pull: [blob.name] },
      // Its hash is that of an identity token, which is never compared with a hash.
      odd: { secret: await secretOf(jwt), pull: [blob.name] },
    };
    const identities = { app: { issuer: 'ci', claims: { repository: 'example/other' }, pull: [blob.name] } };
    const edge = createEdge({ ...identifying({ ci: platform }, identities), USERS: JSON.stringify(users) });
    const statusOf = async (name: string, password: string) =>
      (await edge.fetch(blob.path, { method: 'HEAD', headers: loginWith(password, name) })).status;
    expect(await statusOf('ci', 'a.dotted.password')).toBe(200);
    expect(await statusOf('ci', 'another.dotted.password')).toBe(401);
    expect(await statusOf('odd', jwt)).toBe(401);
    expect(await statusOf('anybody', await platform.issue({ repository: 'example/other' }))).toBe(200);
    expect((await edge.fetch(blob.path)).status).toBe(401);
  });

  it('that fails says why in the log, and nothing of the token', async () => {
    const { edge, blob } = await setup(platform);
    await head(edge, blob, await platform.issue({ repository: 'evil/app' }));
    await head(edge, blob, await platform.issue({ aud: 'evil' }));
    const log = edge.log.join('\n');
    expect(log).toContain('no user in OIDC_USERS has its claims');
    expect(log).toContain('it is not valid here and now');
    expect(log).not.toMatch(/evil|alice|eyJ/);
  });
});

describe('the rights of an identity', () => {
  it('are those of all users that it is, each without what that one excludes', async () => {
    const [own, shared, hidden] = [await pushBlob(), await pushBlob(), await pushBlob()];
    const users = {
      app: { issuer: 'ci', claims: { repository: 'example/app' }, pull: [own.name, hidden.name] },
      all: { issuer: 'ci', claims: { repository: 'example/*' }, pull: ['**', `!${own.name}`, `!${hidden.name}`] },
      listing: { issuer: 'ci', claims: { ref: 'refs/heads/main' }, pull: ['none'], catalog: true },
    };
    const edge = createEdge(identifying({ ci: platform }, users));
    const statuses = async (claims: object) => {
      const token = await platform.issue({ ...claims });
      const blobs = await Promise.all(
        [own, shared, hidden].map(async (blob) => (await head(edge, blob, token)).status),
      );
      return [...blobs, (await edge.fetch('/v2/_catalog', { headers: loginWith(token) })).status];
    };
    expect(await statuses({})).toEqual([200, 200, 200, 200]);
    expect(await statuses({ repository: 'example/other' })).toEqual([403, 200, 403, 200]);
    expect(await statuses({ repository: 'example/other', ref: 'refs/tags/v1' })).toEqual([403, 200, 403, 403]);
    expect(await statuses({ repository: 'other/app' })).toEqual([403, 403, 403, 200]);
  });

  it('do not cover the uploads of another identity', async () => {
    const { name } = await pushBlob();
    const secret = (await sha256('a')).slice('sha256:'.length);
    const known = { one: { secret, pull: ['none'] }, two: { secret, pull: ['none'] } };
    const users = { app: { issuer: 'ci', claims: { repository: 'example/app' }, pull: [name], push: [name] } };
    const edge = createEdge({ ...identifying({ ci: platform }, users), USERS: JSON.stringify(known) });
    const [one, again, other] = [
      await platform.issue(),
      await platform.issue(),
      await platform.issue({ sub: 'repo:example/app:pull_request' }),
    ].map((token) => loginWith(token));
    const opened = await edge.fetch(`/v2/${name}/blobs/uploads/`, { method: 'POST', headers: { ...one } });
    expect(opened.status).toBe(202);
    const session = opened.headers.get('location') ?? '';
    const patch = (headers: Record<string, string> = {}) =>
      edge.fetch(session, { method: 'PATCH', body: 'bytes', headers });
    const refused = await patch(other);
    expect([refused.status, await refused.text()]).toEqual([404, expect.stringContaining('BLOB_UPLOAD_UNKNOWN')]);
    // Another token of the same job.
    expect((await patch(again)).status).toBe(202);
  });
});
