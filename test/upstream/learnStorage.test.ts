import { describe, expect, it } from 'vitest';
import { uniqueName } from '../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { pushBlob, rig, sha256 } from '../support/push.ts';
import type { Rule } from '../support/rig.ts';
import { createScriptedServer, type Script } from '../support/scripted.ts';
import { pushToStorage, STORAGE, type Stored, type StoredBlob, someBucket, someContent } from '../support/storage.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const BOB = { authorization: 'Basic Ym9iOnNlY3JldA==' };
const HIT = 'registry-edge; hit; detail=durable';
const UNPROVEN = 'registry-edge; fwd=miss; detail=unproven';
const PROVEN_NOW = 'registry-edge; fwd=miss; stored; detail=unproven';

async function head(edge: Edge, { path }: { readonly path: string }, headers: Record<string, string> = ALICE) {
  return cacheStatusOf(await edge.fetch(path, { method: 'HEAD', headers }));
}

/** Pushes a small blob to storage, and shows the edge that the storage is the origin's. */
async function proveStorage(edge: Edge, at = someBucket()) {
  const blob = await pushToStorage({ at });
  await head(edge, blob);
  return { blob, at };
}

describe('five HEADs of one blob behind storage that redirects', () => {
  it('cost one question, and the examination of storage that this isolate has not seen yet', async () => {
    const edge = createEdge();
    const blob = await pushToStorage();
    const seen: (string | null)[] = [];
    for (let n = 0; n < 5; n++) seen.push(await head(edge, blob));
    expect(seen).toEqual([UNPROVEN, HIT, HIT, HIT, HIT]);
    const [first, ...examination] = await blob.questions();
    expect(first).toBe(`HEAD ${blob.path}`);
    expect(examination.sort()).toEqual([`GET ${blob.path}`, expect.stringMatching(/^HEAD /)]);
    expect(examination).not.toContain(first);
  });

  it('cost one question where this isolate has seen the storage, for any caller and repository', async () => {
    const edge = createEdge();
    const { at } = await proveStorage(edge);
    const blob = await pushToStorage({ at, bytes: 'too small to examine anything with' });
    const seen: (string | null)[] = [];
    for (let n = 0; n < 5; n++) seen.push(await head(edge, blob, BOB));
    expect(seen).toEqual([PROVEN_NOW, HIT, HIT, HIT, HIT]);
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`]);
  });

  it('cost one question where they come together', async () => {
    const edge = createEdge();
    const { at } = await proveStorage(edge);
    const blob = await pushToStorage({ at });
    const statuses = await Promise.all(Array.from({ length: 5 }, () => head(edge, blob)));
    expect(statuses.filter((status) => status?.includes('; collapsed'))).toHaveLength(4);
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`]);
  });
});

describe('the examination of storage', () => {
  it('sends the caller’s credential to the origin and none to the storage, and logs no signature', async () => {
    const edge = createEdge();
    const { blob } = await proveStorage(edge);
    const sent = await rig.requests(`/v2/${blob.name}/blobs/`);
    const asked = sent.filter(({ method }) => method !== 'POST').map(({ headers }) => headers.authorization);
    expect(asked).toEqual(Array(3).fill(ALICE.authorization));
    const fetched = await rig.requests(blob.at);
    expect(fetched.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
    for (const { headers } of fetched) expect(headers.authorization).toBeUndefined();
    expect(edge.log.join('\n')).not.toContain('Signature');
  });

  it('proves the GET of blobs, and no manifest', async () => {
    const edge = createEdge();
    const { blob } = await proveStorage(edge);
    const manifest = `/v2/${blob.name}/manifests/${blob.digest}`;
    await rig.rule({ prefix: manifest, status: 307, headers: { location: `${STORAGE}${blob.at}` } });
    const get = await edge.fetch(blob.path, { headers: { ...ALICE, 'if-none-match': blob.digest } });
    expect([get.status, cacheStatusOf(get)]).toEqual([304, HIT]);
    expect(await head(edge, { path: manifest })).not.toContain('; hit');
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['a caller with another identity', {}, { ...ALICE, cookie: 'session=1' }],
    ['an edge that answers no push from the cache', { PUSH_EXISTENCE_TTL: '0', DESCRIPTOR_TTL: '0' }, ALICE],
    ['an open mirror', { CLIENT_AUTH: 'anonymous' }, {}],
    ['an edge that knows its storage by name', { REDIRECT_HOSTS: 'localhost' }, ALICE],
  ])('is not made for %s', async (_what, variables, headers) => {
    const edge = createEdge(variables);
    const blob = await pushToStorage();
    await head(edge, blob, headers);
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`]);
  });

  it.each([63, 65_537])('is not made with a blob of %i bytes', async (size) => {
    const blob = await pushToStorage({ bytes: 'x'.repeat(size) });
    await head(createEdge(), blob);
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`]);
  });

  it.each([64, 65_536])('is made with a blob of %i bytes', async (size) => {
    const edge = createEdge();
    const blob = await pushToStorage({ bytes: 'x'.repeat(size) });
    await head(edge, blob);
    expect(await head(edge, blob)).toBe(HIT);
  });

  it('is not made for a caller that has a grant', async () => {
    const edge = createEdge();
    const blob = await pushToStorage();
    await earnGrant(edge, blob, ALICE);
    await head(edge, blob);
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`]);
  });

  it('is made of each place of a host, one after the other', async () => {
    const edge = createEdge();
    for (let n = 0; n < 3; n++) {
      const { blob } = await proveStorage(edge);
      expect(await head(edge, blob)).toBe(HIT);
    }
  });

  it('rests for five minutes after a failure', async () => {
    const edge = createEdge();
    const [bad, good] = [await pushToStorage(), await pushToStorage()];
    await serve(bad, { status: 404 });
    for (let n = 0; n < 3; n++) await head(edge, bad);
    expect((await bad.questions()).filter((question) => question.startsWith('GET'))).toHaveLength(1);
    await head(edge, good);
    expect(await good.questions()).toEqual([`HEAD ${good.path}`]);
    edge.clock.advance(300_001);
    await head(edge, good);
    expect(await head(edge, good)).toBe(HIT);
  });
});

describe('an examination that fails', () => {
  const content = someContent();
  const stated = { headers: { 'content-length': '108', connection: 'close' } };

  it.each<[string, Script]>([
    ['because the content breaks off', { ...stated, body: content.slice(0, 5) }],
    ['because the content does not arrive within ORIGIN_TIMEOUT', { ...stated, bodyWaitMs: 2_000, body: content }],
  ])('is not noticed by the caller, nor an error in the log: %s', async (_what, script) => {
    const edge = createEdge({ ORIGIN_TIMEOUT: '300ms' });
    const storage = createScriptedServer(script);
    const blob = await pushToStorage({ bytes: content });
    await redirectGet(blob, {}, `${storage.url}/${blob.digest}`);
    expect(await head(edge, blob)).toBe(UNPROVEN);
    expect(await head(edge, blob)).toBe(UNPROVEN);
    expect((await storage.calls()).map(({ method }) => method)).toEqual(['HEAD', 'GET', 'HEAD']);
    expect(edge.log.join('\n')).not.toMatch(/"level":"(?:warn|error)"/);
    expect(edge.log.join('\n')).toContain('REDIRECT_HOSTS');
  });
});

describe('storage is not proved by', () => {
  const json = '{"error":"login_required","realm":"https://sso.example.com/login","hint":"ask your administrator"}';
  const page = { 'content-type': 'application/json', 'content-length': String(json.length) };

  it.each<[string, Stored, (blob: StoredBlob) => unknown]>([
    ['a page', {}, (blob) => serve(blob, { headers: { ...sizeOf(blob), 'content-type': 'text/html' } })],
    ['other content', {}, (blob) => serve(blob, { body: 'x'.repeat(blob.bytes.length) })],
    ['content of another size', {}, (blob) => serve(blob, { headers: { 'content-length': '5' }, body: 'short' })],
    ['an answer with another status', {}, (blob) => serve(blob, { status: 203 })],
    ['an answer without a length', {}, (blob) => serve(blob, { headers: { 'transfer-encoding': 'chunked' } })],
    ['a redirect to another registry', { at: (digest) => `/v2/${uniqueName()}/blobs/${digest}` }, nothing],
    [
      'a redirect to a registry below a path',
      { at: (digest) => `/_store/v2/${uniqueName()}/blobs/${digest}` },
      nothing,
    ],
    ['a redirect that a cache gave', {}, (blob) => redirectGet(blob, { age: '1' })],
    ['a GET that leads to another place', {}, moveGet],
  ])('%s', async (_what, stored, spoil) => {
    const edge = createEdge();
    const blob = await pushToStorage(stored);
    await spoil(blob);
    expect(await head(edge, blob)).toBe(UNPROVEN);
    expect(await head(edge, blob)).toBe(UNPROVEN);
    expect(await head(edge, blob, BOB)).toBe(UNPROVEN);
  });

  it('a sign-on whose page is no HTML, not even if its digest is asked for', async () => {
    const edge = createEdge();
    const at = `/_store/${crypto.randomUUID()}/signin`;
    await rig.rule({ prefix: at, status: 200, headers: page, body: json });
    const secret = await pushBlob();
    await head(edge, secret, ALICE);
    const decoy = { path: `/v2/${secret.name}/blobs/${await sha256(json)}` };
    const signIn = { status: 302, headers: { location: `${STORAGE}${at}` } };
    await rig.rule({ prefix: `/v2/${secret.name}/`, unlessAuthorization: ALICE.authorization, ...signIn });
    for (const path of [decoy.path, secret.path, decoy.path, secret.path]) {
      expect(await head(edge, { path }, BOB)).toBe(UNPROVEN);
    }
  });

  it('a sign-on on the host of proven storage, on another path', async () => {
    const edge = createEdge();
    await proveStorage(edge);
    const signIn = `/_store/${crypto.randomUUID()}/signin`;
    await rig.rule({ prefix: signIn, status: 200, headers: page, body: json });
    const secret = await pushBlob(someContent());
    await head(edge, secret, ALICE);
    const location = `${STORAGE}${signIn}`;
    const headers = { location };
    await rig.rule({ prefix: secret.path, unlessAuthorization: ALICE.authorization, status: 302, headers });
    for (let n = 0; n < 2; n++) expect(await head(edge, secret, BOB)).toBe(UNPROVEN);
  });

  it('proven storage that redirects further, since the origin did not decide that', async () => {
    const edge = createEdge();
    const { at } = await proveStorage(edge);
    const blob = await pushToStorage({ at });
    const page = `/_store/${crypto.randomUUID()}/page`;
    await rig.rule({ prefix: page, status: 200, headers: sizeOf(blob) });
    await rig.forget(blob.at);
    await rig.rule({ prefix: blob.at, status: 307, headers: { location: `${STORAGE}${page}` } });
    for (let n = 0; n < 2; n++) expect(await head(edge, blob, BOB)).toBe(UNPROVEN);
  });
});

function nothing(): void {}

function sizeOf({ bytes }: StoredBlob): Record<string, string> {
  return { 'content-length': String(bytes.length) };
}

/** Replaces what the storage answers to a GET, by default with the blob; a HEAD still states the size of the blob. */
async function serve(blob: StoredBlob, rule: Partial<Rule>): Promise<void> {
  const right = { prefix: blob.at, status: 200, headers: sizeOf(blob), body: blob.bytes };
  await rig.forget(blob.at);
  await rig.rule({ ...right, method: 'HEAD' });
  await rig.rule({ ...right, method: 'GET', ...rule });
}

/** Replaces where the origin redirects a blob, and how it redirects the GET. */
async function redirectGet({ path, at }: StoredBlob, headers: Record<string, string>, location = `${STORAGE}${at}`) {
  await rig.forget(path);
  await rig.rule({ prefix: path, method: 'HEAD', status: 307, headers: { location } });
  await rig.rule({ prefix: path, method: 'GET', status: 307, headers: { location, ...headers } });
}

/** Makes the origin redirect the GET of a blob to other storage that has it, too. */
async function moveGet(blob: StoredBlob): Promise<void> {
  const elsewhere = { ...blob, at: someBucket()(blob.digest) };
  await serve(elsewhere, {});
  await redirectGet(blob, { location: `${STORAGE}${elsewhere.at}` });
}
