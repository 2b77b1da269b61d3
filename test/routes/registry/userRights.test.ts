import { describe, expect, it } from 'vitest';
import { uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { blobOf, type Pushed, pushBlob, rig } from '../../support/push.ts';
import { manifestRequest, newManifest, pushManifest } from '../../support/pushManifest.ts';
import { byPatch, byPatches, byPost, byPut, mountFrom, openUpload, putOf, type Way } from '../../support/uploading.ts';
import { type Login, usersWith } from '../../support/users.ts';

/** Returns an edge with users of one repository, who differ in what they may do there. */
async function edgeFor(name: string, more: Record<string, string> = {}) {
  const { variables, logins } = await usersWith({
    pusher: { pull: [name], push: [name] },
    other: { pull: [name], push: [name] },
    remover: { pull: [name], delete: [name] },
    reader: { pull: [name] },
  });
  const make = () => createEdge({ ...variables, MEMORY_TTL: '0', ...more });
  return { edge: make(), make, ...logins };
}

const statusOf = async (edge: Edge, path: string, method: string, headers: Login) =>
  (await edge.fetch(path, { method, headers })).status;

describe('a user who may push', () => {
  it.each<[string, Way]>([
    ['a POST and a PUT', byPut],
    ['one POST', byPost],
    ['a PATCH', byPatch],
    ['several PATCHes', byPatches],
  ])('uploads a blob by %s, and its manifest, which the origin gets from nobody', async (_how, upload) => {
    const manifest = await newManifest();
    const blob = await blobOf(crypto.randomUUID(), manifest.name);
    const { edge, pusher } = await edgeFor(manifest.name);
    expect((await (await upload(edge, blob, pusher)).answer).status).toBe(201);
    expect((await edge.fetch(manifest.tagPath, putOf(manifest, pusher))).status).toBe(201);
    expect(await statusOf(edge, blob.path, 'HEAD', pusher)).toBe(200);
    const { bytes, mediaType } = manifest;
    const got = await edge.fetch(manifest.path, manifestRequest('GET', mediaType, pusher));
    expect([await got.text(), got.headers.get('content-type')]).toEqual([bytes, mediaType]);
    for (const { headers } of await rig.requests(`/v2/${manifest.name}/`)) {
      expect(headers.authorization).toBeUndefined();
      expect(JSON.stringify(headers)).not.toContain(pusher.authorization.slice(6));
    }
  });

  it('is answered from the shared store within PUSH_EXISTENCE_TTL, and never from a cached tag', async () => {
    const manifest = await pushManifest();
    const { edge, pusher, reader } = await edgeFor(manifest.name);
    const get = (login: Login) => edge.fetch(manifest.tagPath, manifestRequest('GET', manifest.mediaType, login));
    for (const login of [reader, reader]) await get(login);
    expect(cacheStatusOf(await get(reader))).toContain('; hit');
    expect(cacheStatusOf(await get(pusher))).not.toContain('; hit');
    const blob = await pushBlob('content', manifest.name);
    await statusOf(edge, blob.path, 'HEAD', pusher);
    expect(cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD', headers: pusher }))).toContain('; hit');
  });

  it('moves a tag, which others see at once', async () => {
    const [old, moved] = [await pushManifest(), await newManifest()];
    const { edge, pusher, reader } = await edgeFor(old.name);
    const get = () => edge.fetch(old.tagPath, manifestRequest('GET', old.mediaType, reader));
    for (const _time of [1, 2]) expect(await (await get()).text()).toBe(old.bytes);
    expect((await edge.fetch(old.tagPath, putOf(moved, pusher))).status).toBe(201);
    expect(await (await get()).text()).toBe(moved.bytes);
  });

  it.each(['reader', 'remover', 'nobody'] as const)('is not %s: nothing is begun, and nothing arrives', async (who) => {
    const manifest = await newManifest();
    const { edge, ...logins } = await edgeFor(manifest.name);
    const headers = who === 'nobody' ? {} : logins[who];
    const before = (await rig.requests(`/v2/${manifest.name}/`)).length;
    const refused = who === 'nobody' ? 401 : 403;
    const uploads = `/v2/${manifest.name}/blobs/uploads/`;
    expect((await edge.fetch(uploads, { method: 'POST', headers })).status).toBe(refused);
    expect((await edge.fetch(`${uploads}session`, { method: 'PATCH', headers, body: 'x' })).status).toBe(refused);
    expect((await edge.fetch(manifest.tagPath, putOf(manifest, headers))).status).toBe(refused);
    expect((await rig.requests(`/v2/${manifest.name}/`)).length).toBe(before);
  });
});

describe('a user who may delete', () => {
  it('deletes, which clears the cache, and nobody else does', async () => {
    const blob = await pushBlob();
    const { edge, remover, reader, pusher } = await edgeFor(blob.name);
    for (const _time of [1, 2]) expect(await statusOf(edge, blob.path, 'HEAD', reader)).toBe(200);
    for (const login of [reader, pusher]) expect(await statusOf(edge, blob.path, 'DELETE', login)).toBe(403);
    expect(await statusOf(edge, blob.path, 'HEAD', reader)).toBe(200);
    expect(await statusOf(edge, blob.path, 'DELETE', remover)).toBe(202);
    expect(await statusOf(edge, blob.path, 'HEAD', reader)).toBe(404);
  });

  it('deletes where it may not pull, too, which clears the cache', async () => {
    const [blob, other] = [await pushBlob(), await pushBlob()];
    const { variables, logins } = await usersWith({
      remover: { pull: [other.name], delete: [blob.name] },
      reader: { pull: [blob.name] },
    });
    const edge = createEdge(variables);
    for (const _time of [1, 2]) expect(await statusOf(edge, blob.path, 'HEAD', logins.reader)).toBe(200);
    expect(await statusOf(edge, blob.path, 'HEAD', logins.remover)).toBe(403);
    expect(await statusOf(edge, blob.path, 'DELETE', logins.remover)).toBe(202);
    expect(await statusOf(edge, blob.path, 'HEAD', logins.reader)).toBe(404);
  });

  it('deletes nothing where DELETE_ENABLED is false', async () => {
    const blob = await pushBlob();
    const { edge, remover } = await edgeFor(blob.name, { DELETE_ENABLED: 'false' });
    expect(await statusOf(edge, blob.path, 'DELETE', remover)).toBe(405);
  });
});

describe('an upload', () => {
  it.each(['PATCH', 'PUT', 'GET', 'HEAD', 'DELETE'])('is not of another user, who sends a %s', async (method) => {
    const { name } = await pushBlob();
    const { edge, pusher, other } = await edgeFor(name);
    const session = await openUpload(edge, await blobOf('content', name), pusher);
    const before = (await rig.requests(`/v2/${name}/`)).length;
    const body = method.startsWith('P') ? { body: 'content' } : {};
    const answer = await edge.fetch(session, { method, headers: other, ...body });
    expect([answer.status, answer.headers.get('location')]).toEqual([404, null]);
    expect((await rig.requests(`/v2/${name}/`)).length).toBe(before);
    expect(await statusOf(edge, session, 'GET', pusher)).toBe(204);
    // Nor with the mark of an upload that the other user began.
    const own = await openUpload(edge, await blobOf('content', name), other);
    const marked = session.replace(/edge-user=.*/, /edge-user=.*/.exec(own)?.[0] ?? '');
    expect(await statusOf(edge, marked, 'GET', other)).toBe(404);
  });

  it.each<[string, (session: string) => string]>([
    ['without its mark', (session) => session.replace(/[?&]edge-user=[^&]*/, '')],
    ['with a mark that is cut', (session) => session.slice(0, -1)],
    ['with two marks', (session) => `${session}&edge-user=${'0'.repeat(64)}`],
    ['of another session', (session) => session.replace(/uploads\/./, 'uploads/_')],
    ['with another query', (session) => `${session}&state=another`],
  ])('is not known %s', async (_what, changed) => {
    const { name } = await pushBlob();
    const { edge, pusher } = await edgeFor(name);
    const session = await openUpload(edge, await blobOf('content', name), pusher);
    expect(await statusOf(edge, changed(session), 'GET', pusher)).toBe(404);
  });

  it('goes on where the origin is an edge with users, too, whose mark it gets', async () => {
    const { name } = await pushBlob();
    const { edge, pusher } = await edgeFor(name);
    const session = `/v2/${name}/blobs/uploads/session`;
    const location = `${session}?edge-user=${'0'.repeat(64)}&state=a`;
    await rig.rule({ prefix: `/v2/${name}/blobs/uploads/`, status: 202, headers: { location } });
    const marked = await openUpload(edge, await blobOf('content', name), pusher);
    const [, inner, state, own] = /^.*\?(.*)&(.*)&(.*)$/.exec(marked) ?? [];
    expect(await statusOf(edge, `${session}?${inner}&${own}&${state}`, 'PATCH', pusher)).toBe(202);
    expect((await rig.requests(session)).map(({ path }) => path)).toEqual([location]);
    for (const other of [`${own}&${inner}&${state}`, `${own}&${state}`, `${inner}&${state}`])
      expect(await statusOf(edge, `${session}?${other}`, 'PATCH', pusher)).toBe(404);
  });

  it('goes on at another isolate, and with the query in another order', async () => {
    const { name } = await pushBlob();
    const blob = await blobOf(crypto.randomUUID(), name);
    const { edge, make, pusher } = await edgeFor(name);
    const session = await openUpload(edge, blob, pusher);
    const [path, query] = session.split('?');
    const done = await make().fetch(`${path}?digest=${encodeURIComponent(blob.digest)}&${query}`, {
      ...{ method: 'PUT', body: blob.bytes, headers: pusher },
    });
    expect(done.status).toBe(201);
    expect((await rig.requests(`/v2/${name}/`)).every(({ path }) => !path.includes('edge-user'))).toBe(true);
  });
});

describe('a mount', () => {
  async function blobElsewhere(): Promise<{ from: Pushed; to: Pushed }> {
    const from = await pushBlob();
    const to = await blobOf(from.bytes, (await pushBlob()).name);
    return { from, to };
  }
  const edgeWith = async (to: Pushed, pull: string[]) => {
    const { variables, logins } = await usersWith({ pusher: { pull: [to.name, ...pull], push: [to.name] } });
    return { edge: createEdge(variables), ...logins };
  };

  it('from where the user may pull is one', async () => {
    const { from, to } = await blobElsewhere();
    const { edge, pusher } = await edgeWith(to, [from.name]);
    expect((await mountFrom(edge, from, to, pusher).answer).status).toBe(201);
  });

  it.each<[string, (from: Pushed) => string]>([
    ['from where the user may not pull', ({ digest, name }) => `?mount=${digest}&from=${name}`],
    ['from anywhere', ({ digest }) => `?mount=${digest}`],
    ['from two repositories', ({ digest, name }) => `?mount=${digest}&from=OWN&from=${name}`],
    ['in the words of other servers', ({ digest, name }) => `?from=OWN;mount=${digest};from=${name}`],
    ['that is hidden in another parameter', ({ digest, name }) => `?x=1;mount=${digest};from=${name}`],
    ['with an escaped name', ({ digest, name }) => `?mount=${digest}&%66rom=${name}`],
  ])('%s is a plain upload', async (_what, query) => {
    const { from, to } = await blobElsewhere();
    const own = uniqueName();
    const { edge, pusher } = await edgeWith(to, [own]);
    const path = `/v2/${to.name}/blobs/uploads/${query(from).replaceAll('OWN', own)}`;
    const answer = await edge.fetch(path, { method: 'POST', headers: pusher });
    expect([answer.status, answer.headers.get('location')]).toEqual([202, expect.stringContaining('edge-user=')]);
    const sent = (await rig.requests(`/v2/${to.name}/blobs/uploads/`)).map(({ path }) => decodeURIComponent(path));
    expect(sent.filter((path) => path.includes(from.name) || path.includes('mount'))).toEqual([]);
    expect(await statusOf(edge, to.path, 'HEAD', pusher)).toBe(404);
  });

  it.each<[string, (name: string) => string]>([
    ['with a slash behind it', (name) => `${name}/`],
    ['with two slashes', (name) => `/${name}`],
    ['by a way around', (name) => `x/../${name}`],
    ['in capitals', (name) => name.toUpperCase()],
    ['behind a space, as a second scope', (name) => `x repository:${name}:pull`],
  ])('from where the user may not pull, which is named %s, is a plain upload', async (_how, named) => {
    const { from, to } = await blobElsewhere();
    const { edge, pusher } = await edgeWith(to, ['**', `!${from.name}`]);
    const query = new URLSearchParams({ mount: to.digest, from: named(from.name) });
    const path = `/v2/${to.name}/blobs/uploads/?${query}`;
    expect((await edge.fetch(path, { method: 'POST', headers: pusher })).status).toBe(202);
    const sent = (await rig.requests(`/v2/${to.name}/blobs/uploads/`)).map(({ path }) => path);
    expect(sent.filter((path) => /from=|mount=/.test(path))).toEqual([]);
  });

  it('is none behind a semicolon, where some servers would see one', async () => {
    const { from, to } = await blobElsewhere();
    const { edge, pusher } = await edgeWith(to, []);
    const path = `/v2/${to.name}/blobs/uploads/?digest=${to.digest};mount=${to.digest};from=${from.name}`;
    await edge.fetch(path, { method: 'POST', headers: pusher });
    const sent = (await rig.requests(`/v2/${to.name}/blobs/uploads/`)).map(({ path }) => path).slice(1);
    expect(sent).toEqual([expect.not.stringMatching(/[;&]mount=/)]);
  });
});
