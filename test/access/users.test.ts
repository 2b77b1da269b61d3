import { hash as bcrypt } from 'bcrypt-ts/browser';
import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { type Pushed, pushBlob, rig, sha256 } from '../support/push.ts';
import { createScriptedServer } from '../support/scripted.ts';

const TOKEN = crypto.randomUUID();
const PASSWORD = 'correct hörse';

const basic = (name: string, password: string) => {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
};
const CI = basic('ci', TOKEN);

/** Returns an edge whose users may pull from a repository. */
async function edgeFor(
  name: string,
  more: Record<string, unknown> = {},
  variables: Record<string, string> = {},
): Promise<Edge> {
  const users = {
    ci: { secret: (await sha256(TOKEN)).slice('sha256:'.length), pull: [name] },
    alice: { secret: await bcrypt(PASSWORD, 4), pull: [name] },
    other: { secret: (await sha256('others')).slice('sha256:'.length), pull: ['team/other'] },
    ...more,
  };
  return createEdge({ CLIENT_AUTH: 'basic', USERS: JSON.stringify(users), ...variables });
}

const head = (edge: Edge, { path }: Pushed, headers: Record<string, string> = {}) =>
  edge.fetch(path, { method: 'HEAD', headers });

describe('a user of the edge', () => {
  it.each([
    ['a token', CI],
    ['a password', basic('alice', PASSWORD)],
  ])('pulls with %s, which the origin never sees', async (_what, login) => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    const before = (await rig.requests(`/v2/${blob.name}/`)).length;
    expect((await edge.fetch('/v2/', { headers: login })).status).toBe(200);
    expect((await head(edge, blob, login)).status).toBe(200);
    expect(cacheStatusOf(await head(edge, blob, login))).toContain('; hit');
    for (const { headers } of (await rig.requests(`/v2/${blob.name}/`)).slice(before)) {
      expect(headers.authorization).toBeUndefined();
    }
  });

  it.each(['2a', '2b', '2y'])('has a password as htpasswd writes it: $%s$', async (version) => {
    const blob = await pushBlob();
    const secret = `$${version}$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2`;
    const edge = await edgeFor(blob.name, { alice: { secret, pull: [blob.name] } });
    const statusOf = async (password: string) => (await head(edge, blob, basic('alice', password))).status;
    expect([await statusOf('correct horse'), await statusOf('correct horse ')]).toEqual([200, 401]);
  });

  it.each<[string, Record<string, string>]>([
    ['nobody', {}],
    ['a wrong token', basic('ci', 'wrong')],
    ['a wrong password', basic('alice', 'wrong')],
    ["another user's token", basic('alice', TOKEN)],
    ['the hash in place of the token', basic('ci', 'a'.repeat(64))],
    ['an unknown name', basic('nobody', TOKEN)],
    ['the name of everybody', basic('anonymous', '')],
    ['no name', basic('', TOKEN)],
    ['a property of objects', basic('__proto__', TOKEN)],
    ['another scheme', { authorization: `Bearer ${TOKEN}` }],
    ['what is no base64', { authorization: 'Basic %%%' }],
    ['what is no UTF-8', { authorization: `Basic ${btoa('ci:\xff')}` }],
    ['a very long one', { authorization: `Basic ${btoa(`ci:${'a'.repeat(10_000)}`)}` }],
  ])('%s is none: a 401 that asks to log in, cold and warm, and nobody is asked', async (_who, headers) => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    for (const isWarm of [false, true]) {
      if (isWarm) await head(edge, blob, CI);
      const asked = await blob.asked();
      for (const path of [blob.path, '/v2/', `/v2/${blob.name}/tags/list`, '/v2/_catalog', '/v2/x']) {
        const answer = await edge.fetch(path, { headers });
        expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([
          ...[path, 401, 'Basic realm="registry-edge", charset="UTF-8"'],
        ]);
        expect(cacheStatusOf(answer)).toBeNull();
      }
      expect(await blob.asked()).toBe(asked);
    }
  });

  it.each([
    ['GET', '/v2/team/app/manifests/latest', 403],
    ['HEAD', '/v2/team/app/blobs/sha256:{hash}', 403],
    ['GET', '/v2/team/app/tags/list', 403],
    ['GET', '/v2/_catalog', 403],
    ['GET', '/v2/some/extension', 404],
    ['PUT', '/v2/team/app/manifests/latest', 403],
    ['POST', '/v2/team/mine/blobs/uploads/', 403],
    ['DELETE', '/v2/team/mine/manifests/latest', 403],
    ['DELETE', '/v2/team/mine/tags/list', 405],
    ['PUT', '/v2/team/mine/blobs/uploads/', 405],
  ])('may not %s %s: %d', async (method, path, status) => {
    const server = createScriptedServer({ status: 200 });
    const edge = await edgeFor('team/mine', {}, { ORIGIN_URL: server.url });
    const answer = await edge.fetch(path.replace('{hash}', 'a'.repeat(64)), { method, headers: CI });
    expect(answer.status).toBe(status);
    expect(await server.calls()).toEqual([]);
  });

  it.each([
    '?ns=ghcr.io',
    '?ns=docker.io&ns=ghcr.io',
    '?%6es=docker.io&ns=ghcr.io',
    '?ns=&ns=ghcr.io',
    '?x=1;ns=ghcr.io',
  ])('pulls nothing of another registry: %s', async (query) => {
    const server = createScriptedServer({ status: 200 });
    const edge = await edgeFor('team/mine', {}, { ORIGIN_URL: server.url, MIRRORED_HOSTS: 'docker.io' });
    const answer = await edge.fetch(`/v2/team/mine/manifests/latest${query}`, { headers: CI });
    expect([answer.status, await server.calls()]).toEqual([403, []]);
  });

  it.each([
    ['PUT', '/v2/team/mine/blobs/uploads/', 'POST'],
    ['POST', '/v2/team/mine/blobs/uploads/session', 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
    ['PATCH', '/v2/team/mine/manifests/latest', 'GET, HEAD, PUT, DELETE, OPTIONS'],
    ['POST', '/v2/', 'GET, HEAD, OPTIONS'],
  ])('is told what there is besides %s %s: %s', async (method, path, allow) => {
    const answer = await (await edgeFor('team/mine')).fetch(path, { method, headers: CI });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
  });

  it('with an unknown name is nobody, whose secret it may ever send', async () => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    // An unknown name costs what one of the users costs: of twenty, some cost what this one does.
    for (let n = 0; n < 20; n++) expect((await head(edge, blob, basic(`unknown-${n}`, TOKEN))).status).toBe(401);
  });

  it('who does not log in may be let in to something', async () => {
    const [open, closed] = [await pushBlob(), await pushBlob()];
    const edge = await edgeFor(closed.name, { anonymous: { pull: [open.name] } });
    expect((await head(edge, open)).status).toBe(200);
    const refused = await head(edge, closed);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Basic')]);
    expect((await head(edge, closed, CI)).status).toBe(200);
    // The user has no right of everybody's.
    expect((await head(edge, open, CI)).status).toBe(403);
    expect((await head(edge, open, basic('ci', 'wrong'))).status).toBe(401);
  });

  it('is not heard any more after ten wrong secrets in a minute, but where its login is known', async () => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    const from = (address: string, login: Record<string, string>) =>
      head(edge, blob, { ...login, 'cf-connecting-ip': address });
    expect((await from('192.0.2.1', CI)).status).toBe(200);
    for (let n = 0; n < 10; n++) expect((await from('192.0.2.1', basic('alice', `${n}`))).status).toBe(401);
    expect((await from('192.0.2.1', basic('alice', PASSWORD))).status).toBe(401);
    expect((await from('192.0.2.2', basic('alice', PASSWORD))).status).toBe(200);
    expect((await from('192.0.2.1', CI)).status).toBe(200);
    edge.clock.advance(60_001);
    expect((await from('192.0.2.1', basic('alice', PASSWORD))).status).toBe(200);
  });

  it('of an address with a hundred failures is not heard, whatever the name', async () => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    const from = (address: string, login: Record<string, string>) =>
      head(edge, blob, { ...login, 'cf-connecting-ip': address });
    for (let n = 0; n < 100; n++) await from('192.0.2.1', basic(`name-${n}`, 'x'));
    expect((await from('192.0.2.1', CI)).status).toBe(401);
    expect((await from('192.0.2.2', CI)).status).toBe(200);
  });

  it('is not heard any more after ten wrong secrets at the same time', async () => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    const from = async (login: Record<string, string>) =>
      (await head(edge, blob, { ...login, 'cf-connecting-ip': '192.0.2.1' })).status;
    const wrong = Array.from({ length: 30 }, (_, n) => from(basic('ci', `${n}`)));
    expect(await Promise.all([...wrong, from(CI)])).toEqual(Array(31).fill(401));
  });

  it('logs in with many requests at the same time', async () => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    const alice = basic('alice', PASSWORD);
    const statuses = await Promise.all(Array.from({ length: 30 }, async () => (await head(edge, blob, alice)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('has no failure by a login that succeeds', async () => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    for (let n = 1; n <= 12; n++) {
      // Each form of it is verified on its own.
      const authorization = CI.authorization.replace(' ', ' '.repeat(n));
      expect((await head(edge, blob, { authorization })).status).toBe(200);
    }
  });

  it('with all addresses of an IPv6 network has no more attempts than with one', async () => {
    const blob = await pushBlob();
    const statusAt = async (address: string) => {
      const edge = await edgeFor(blob.name);
      const from = async (where: string, login: Record<string, string>) =>
        (await head(edge, blob, { ...login, 'cf-connecting-ip': where })).status;
      for (let n = 0; n < 10; n++) await from(`2001:db8:0:1::${n}`, basic('ci', `${n}`));
      return from(address, CI);
    };
    for (const address of ['2001:db8:0:1::a', '2001:0DB8:0000:0001:a:b:c:d', '2001:db8::1:a:b:c:d'])
      expect([address, await statusAt(address)]).toEqual([address, 401]);
    for (const address of ['2001:db8:0:2::1', '2001:db8::1', '::1', '::ffff:192.0.2.1', '192.0.2.1'])
      expect([address, await statusAt(address)]).toEqual([address, 200]);
  });

  it('leaves no secret in the log', async () => {
    const blob = await pushBlob();
    const edge = await edgeFor(blob.name);
    await head(edge, blob, CI);
    await head(edge, blob, basic('ci', 'wrong-secret'));
    expect(edge.log.join()).not.toMatch(new RegExp(`${TOKEN}|wrong-secret|${CI.authorization.slice(6)}`));
  });
});
