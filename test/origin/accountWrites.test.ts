import { describe, expect, inject, it } from 'vitest';
import { demandToken } from '../support/demandToken.ts';
import { createEdge } from '../support/edge.ts';
import { blobOf, type Pushed, pushBlob, rig } from '../support/push.ts';
import { newManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';
import {
  byPatch,
  byPost,
  byPut,
  mountFrom,
  openUpload,
  putOf,
  type Way,
  withDigest,
  withLength,
} from '../support/uploading.ts';
import { type Login, usersWith } from '../support/users.ts';

const ACCOUNT = { ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'edge', ORIGIN_PASSWORD: 'password' };
const AUTHORIZATION = `Basic ${btoa('edge:password')}`;

/** Describes a blob that is to be pushed to a repository, and returns edges with a user who may push there. */
async function pushTo(name: string, more: Record<string, string> = {}) {
  const { variables, logins } = await usersWith({ pusher: { pull: [name], push: [name], delete: [name] } });
  const { CLIENT_AUTH: _mirror, ...others } = more;
  const make = () => createEdge({ ...variables, ...ACCOUNT, ALLOW_REPOSITORIES: name, ...others });
  return { make, blob: await blobOf(crypto.randomUUID(), name), pusher: logins.pusher };
}

/** Makes the origin let only this login in. */
const demandLogin = (name: string, authorization = AUTHORIZATION) =>
  rig.rule({
    ...{ prefix: `/v2/${name}/`, unlessAuthorization: authorization, status: 401, body: '{}' },
    headers: { 'www-authenticate': 'Basic realm="origin"' },
  });

/** Lists the origin's requests in the repository since it got its first blob: method, and how they logged in. */
async function sentTo(name: string): Promise<string[]> {
  const requests = (await rig.requests(`/v2/${name}/`)).slice(1);
  return requests.map(({ method, headers }) => `${method} ${headers.authorization?.split(' ')[0] ?? 'nobody'}`);
}

const WAYS: [string, Way][] = [
  ['a POST and a PUT', byPut],
  ['one POST', byPost],
  ['a PATCH', byPatch],
];

describe('a push with the account of the edge', () => {
  it.each(WAYS)('by %s to an origin that demands a login', async (_how, upload) => {
    const { name } = await pushBlob();
    await demandLogin(name);
    const { make, blob, pusher } = await pushTo(name);
    expect((await (await upload(make(), blob, pusher)).answer).status).toBe(201);
    // No body was sent without the login, which would have had to be sent twice.
    const bodies = (await rig.requests(`/v2/${name}/`)).slice(1).filter(({ headers }) => headers['content-length']);
    for (const { method, headers } of bodies) {
      if (method !== 'POST' || headers['content-length'] !== '0') expect(headers.authorization).toBe(AUTHORIZATION);
    }
  });

  it.each(WAYS)('by %s to an origin that demands a token', async (_how, upload) => {
    const { name } = await pushBlob();
    const { token, variables, questions, headers } = await demandToken(name);
    const { make, blob, pusher } = await pushTo(name, variables);
    expect((await (await upload(make(), blob, pusher)).answer).status).toBe(201);
    const asked = (await questions()).map((path) => new URLSearchParams(path.slice(path.indexOf('?'))).getAll('scope'));
    expect(new Set(asked.map(String))).toEqual(new Set([`repository:${name}:pull,push`]));
    for (const { authorization } of await headers()) expect(authorization).toBe(AUTHORIZATION);
    for (const { headers } of await rig.requests(`/v2/${name}/`)) {
      expect([undefined, `Bearer ${token}`]).toContain(headers.authorization);
    }
  });

  it('finds out what is demanded before a body is sent, at an isolate that knows nothing yet', async () => {
    const { name } = await pushBlob();
    await demandLogin(name);
    const { make, blob, pusher } = await pushTo(name);
    const session = await openUpload(make(), blob, pusher);
    const before = (await sentTo(name)).length;
    const put = { method: 'PUT', body: blob.bytes, headers: pusher };
    expect((await make().fetch(withDigest(session, blob), put)).status).toBe(201);
    expect((await sentTo(name)).slice(before).slice(0, 2)).toEqual(['HEAD nobody', 'PUT Basic']);
  });

  it('to an origin that demands nothing is with the login, which does no harm', async () => {
    const { name } = await pushBlob();
    const { make, blob, pusher } = await pushTo(name);
    expect((await (await byPost(make(), blob, pusher)).answer).status).toBe(201);
    expect(await sentTo(name)).toEqual(['HEAD nobody', 'POST Basic']);
  });

  it.each<[string, string, (name: string, other: Pushed) => string[]]>([
    ['a delete', 'DELETE', (name) => [`repository:${name}:delete`]],
    ['a mount', 'POST', (name, other) => [`repository:${name}:pull,push`, `repository:${other.name}:pull`]],
  ])('%s asks for a token that covers just that', async (_what, method, expected) => {
    const [blob, other] = [await pushBlob(), await pushBlob()];
    const { variables, questions } = await demandToken(blob.name);
    const { CLIENT_AUTH: _mirror, ...more } = variables;
    const users = await usersWith({ a: { pull: ['**'], push: [blob.name], delete: [blob.name] } });
    const edge = createEdge({
      ...{ ...users.variables, ...ACCOUNT, ...more, ALLOW_REPOSITORIES: `${blob.name},${other.name}` },
    });
    const mounting = { ...other, name: blob.name };
    if (method === 'POST') await mountFrom(edge, other, mounting, users.logins.a).over;
    else await edge.fetch(blob.path, { method, headers: users.logins.a });
    const scopes = (await questions()).map((path) =>
      new URLSearchParams(path.slice(path.indexOf('?'))).getAll('scope'),
    );
    expect(scopes).toContainEqual(expected(blob.name, other));
  });

  it.each<[string, (name: string) => Promise<unknown>]>([
    ['login', (name) => demandLogin(name)],
    ['token', (name) => demandToken(name)],
  ])('is a 503 where its %s is not accepted any more, and goes on when it is repeated', async (_what, demand) => {
    const { name } = await pushBlob();
    await demand(name);
    const { make, blob, pusher } = await pushTo(name, { TOKEN_REALMS_ALLOWED: new URL(inject('scriptedUrl')).host });
    const edge = make();
    expect((await (await byPost(edge, blob, pusher)).answer).status).toBe(201);
    edge.clock.advance(10_000);
    await rig.forget(`/v2/${name}/`);
    await demandToken(name);
    const next = await blobOf(crypto.randomUUID(), name);
    const refused = await (await byPost(edge, next, pusher)).answer;
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([503, null]);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await (await byPost(edge, next, pusher)).answer).status).toBe(201);
  });

  it('is a 503 where a login is demanded in place of a token, and goes on when it is repeated', async () => {
    const { name } = await pushBlob();
    const { variables } = await demandToken(name);
    const { make, blob, pusher } = await pushTo(name, variables);
    const edge = make();
    expect((await (await byPost(edge, blob, pusher)).answer).status).toBe(201);
    await rig.forget(`/v2/${name}/`);
    await demandLogin(name);
    const next = await blobOf(crypto.randomUUID(), name);
    expect((await (await byPost(edge, next, pusher)).answer).status).toBe(503);
    expect((await (await byPost(edge, next, pusher)).answer).status).toBe(201);
  });

  it('is not refused where an empty body meets a login that is not accepted any more: it is sent again', async () => {
    const { name } = await pushBlob();
    await demandLogin(name);
    const { make, blob, pusher } = await pushTo(name, { TOKEN_REALMS_ALLOWED: new URL(inject('scriptedUrl')).host });
    const edge = make();
    const begin = () => edge.fetch(`/v2/${name}/blobs/uploads/`, { method: 'POST', ...withLength('', pusher) });
    expect((await begin()).status).toBe(202);
    await rig.forget(`/v2/${name}/`);
    await demandToken(name);
    expect((await begin()).status).toBe(202);
    expect((await (await byPatch(edge, blob, pusher)).answer).status).toBe(201);
  });

  it('is a 502 where the origin does not say in time what it demands', async () => {
    const origin = createScriptedServer({ instead: 'silence' });
    const manifest = await newManifest();
    const { make, pusher } = await pushTo(manifest.name, { ORIGIN_URL: origin.url, ORIGIN_TIMEOUT: '100ms' });
    expect((await make().fetch(manifest.tagPath, putOf(manifest, pusher))).status).toBe(502);
    expect((await origin.calls()).map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('is a 502 without a challenge where the origin refuses the account, and says so in the log', async () => {
    const manifest = await newManifest();
    await demandLogin(manifest.name, 'Basic another');
    const { make, pusher } = await pushTo(manifest.name);
    const edge = make();
    const refused = await edge.fetch(manifest.tagPath, putOf(manifest, pusher));
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([502, null]);
    expect(edge.log.join()).toContain("the origin refuses the edge's account");
    expect(edge.log.join()).not.toContain('password');
  });

  it.each([
    [401, 'Bearer realm="https://auth.test/",error="insufficient_scope"'],
    [403, undefined],
  ])('that the account may not do is a 403: the origin answers %d', async (status, challenge) => {
    const { name } = await pushBlob();
    const { challenge: demanded, variables } = await demandToken(name);
    const { make, blob, pusher } = await pushTo(name, variables);
    await rig.rule({
      ...{ prefix: `/v2/${name}/blobs/uploads/`, method: 'POST', status, body: '{}' },
      headers: challenge ? { 'www-authenticate': `${demanded},error="insufficient_scope"` } : {},
    });
    const refused = await (await byPost(make(), blob, pusher)).answer;
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([403, null]);
    expect(await refused.text()).not.toContain('without a login');
  });

  it('of a stranger is not tried with it', async () => {
    const { name } = await pushBlob();
    const { make } = await pushTo(name);
    const stranger: Login = { authorization: 'Basic YTpi' };
    const refused = await make().fetch(`/v2/${name}/blobs/uploads/`, { method: 'POST', headers: stranger });
    expect([refused.status, await sentTo(name)]).toEqual([401, []]);
  });
});
