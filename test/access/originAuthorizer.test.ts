import { describe, expect, it } from 'vitest';
import type { Access, AnswerKind } from '../../src/access/authorizer.ts';
import { createOriginAuthorizer } from '../../src/access/originAuthorizer.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { RequestContext } from '../../src/context.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock } from '../support/context.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { unverifiableJwt } from '../support/jwt.ts';
import { pushBlob } from '../support/push.ts';
import { createScriptedServer } from '../support/scripted.ts';

const MEBIBYTE = 1_048_576;
const name = parseRepositoryName('a/b');
const KINDS: AnswerKind[] = ['HEAD blobs', 'GET blobs', 'HEAD manifests', 'GET manifests', 'GET lists'];
const START = Date.UTC(2026, 0, 1);
const seconds = (ms: number) => ms / 1000;

const contextFor = (authorization: string | undefined, clock = createClock(START)) =>
  contextOf(clock, new Request('http://edge.test/v2/', { headers: authorization ? { authorization } : {} }));

describe('createOriginAuthorizer', () => {
  it.each<[string, string | undefined, number]>([
    ['no credential', undefined, 60_000],
    ['Basic', 'Basic YTpi', 60_000],
    ['an opaque token', 'Bearer opaque', 60_000],
    ['an opaque token of three parts', 'Bearer a.b.c', 60_000],
    ['three parts, the first of which is JSON', 'Bearer e30.b.c', 60_000],
    ['a JWT without an expiry', `Bearer ${unverifiableJwt({})}`, 60_000],
    ['a JWT that expires later', `Bearer ${unverifiableJwt({ exp: seconds(START) + 300 })}`, 60_000],
    ['a JWT that expires sooner', `Bearer ${unverifiableJwt({ exp: seconds(START) + 10 })}`, 10_000],
    ['a JWT after a scheme in mixed case', `bEARER  ${unverifiableJwt({ exp: seconds(START) + 10 })}`, 10_000],
    [
      'a JWT with the letters that base64url has of its own',
      `Bearer ${unverifiableJwt({ sub: '>>>>>?????', exp: seconds(START) + 10 })}`,
      10_000,
    ],
    ['an expired JWT', `Bearer ${unverifiableJwt({ exp: seconds(START) - 1 })}`, 0],
    ['a JWT whose expiry is not a number', `Bearer ${unverifiableJwt({ exp: 'soon' })}`, 0],
  ])('remembers a grant for one minute, or until the token expires: %s', async (_what, authorization, lastsMs) => {
    const clock = createClock(START);
    const ctx = contextFor(authorization, clock);
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    expect(await authorizer.authorize(ctx, name, 'HEAD blobs')).toEqual({ kind: 'unproven' });
    authorizer.recordProof(ctx, name, 'HEAD blobs');
    clock.advance(lastsMs - 1);
    if (lastsMs > 0)
      expect(await authorizer.authorize(ctx, name, 'HEAD blobs')).toEqual({ kind: 'granted', mayPush: true });
    clock.advance(1);
    expect(await authorizer.authorize(ctx, name, 'HEAD blobs')).toEqual({ kind: 'unproven' });
  });

  it.each([
    ['an opaque token', 'Bearer opaque', 90_000],
    ['a JWT', `Bearer ${unverifiableJwt({ exp: seconds(START) + 70 })}`, 70_000],
  ])(
    'extends a grant with each proof, but not beyond the end of the token: %s',
    async (_what, authorization, endMs) => {
      const clock = createClock(START);
      const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
      authorizer.recordProof(contextFor(authorization, clock), name, 'HEAD blobs');
      clock.advance(30_000);
      const ctx = contextFor(authorization, clock);
      authorizer.recordProof(ctx, name, 'HEAD blobs');
      clock.advance(endMs - 30_000 - 1);
      expect((await authorizer.authorize(ctx, name, 'HEAD blobs')).kind).toBe('granted');
      clock.advance(1);
      expect((await authorizer.authorize(ctx, name, 'HEAD blobs')).kind).toBe('unproven');
    },
  );

  it('revokes the grants of the refused caller in this repository, and no others', async () => {
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    const [alice, bob] = [contextFor('Basic YQ=='), contextFor('Basic Yg==')];
    const other = parseRepositoryName('a/b/c');
    for (const ctx of [alice, bob]) authorizer.recordProof(ctx, name, 'HEAD blobs');
    authorizer.recordProof(alice, other, 'HEAD blobs');
    authorizer.recordRefusal(alice, name);
    expect((await authorizer.authorize(alice, name, 'HEAD blobs')).kind).toBe('unproven');
    expect((await authorizer.authorize(alice, other, 'HEAD blobs')).kind).toBe('granted');
    expect((await authorizer.authorize(bob, name, 'HEAD blobs')).kind).toBe('granted');
  });

  it('takes no proof from a request that began before its caller was refused, however late the answer comes', () => {
    const clock = createClock(START);
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    const slow = contextFor('Basic YQ==', clock);
    clock.advance(1);
    const later = contextFor('Basic YQ==', clock);
    authorizer.recordRefusal(later, name);
    clock.advance(1);
    authorizer.recordProof(slow, name, 'HEAD blobs');
    expect(authorizer.authorize(later, name, 'HEAD blobs')).toEqual({ kind: 'unproven' });
    authorizer.recordProof(later, name, 'HEAD blobs');
    expect(authorizer.authorize(later, name, 'HEAD blobs')).toMatchObject({ kind: 'granted' });
  });

  it.each<[AnswerKind, AnswerKind[]]>([
    ['HEAD blobs', ['HEAD blobs']],
    ['GET blobs', ['HEAD blobs', 'GET blobs']],
    ['HEAD manifests', ['HEAD manifests']],
    ['GET manifests', ['HEAD manifests', 'GET manifests']],
    ['GET lists', ['GET lists']],
  ])('grants for a proof of %s exactly %j, until a refusal revokes them all', async (proven, granted) => {
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    const ctx = contextFor('Basic YQ==');
    const grantedNow = () =>
      KINDS.filter((kind) => (authorizer.authorize(ctx, name, kind) as Access).kind === 'granted');
    authorizer.recordProof(ctx, name, proven);
    expect(grantedNow()).toEqual(granted);
    authorizer.recordRefusal(ctx, name);
    expect(grantedNow()).toEqual([]);
  });

  it('neither gives a caller without a name what another one has earned, nor takes it away', () => {
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    const kindFor = (ctx: RequestContext) => (authorizer.authorize(ctx, name, 'HEAD blobs') as Access).kind;
    const headers = { authorization: 'Basic YQ==', cookie: 'session=1' };
    const nameless = contextOf(createClock(START), new Request('http://edge.test/v2/', { headers }));
    // As a key would have it that is made of the missing name.
    const named = contextFor('undefined');
    authorizer.recordProof(nameless, name, 'HEAD blobs');
    expect([kindFor(nameless), kindFor(named)]).toEqual(['unproven', 'unproven']);
    authorizer.recordProof(named, name, 'HEAD blobs');
    authorizer.recordRefusal(nameless, name);
    expect([kindFor(nameless), kindFor(named)]).toEqual(['unproven', 'granted']);
  });

  it('needs a login of callers without a credential for a minute after the origin refused one of them here', () => {
    const clock = createClock(START);
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    const needsLogin = (authorization?: string, repository = name) =>
      authorizer.needsLogin(contextFor(authorization, clock), repository);
    authorizer.recordRefusal(contextFor('Basic YQ==', clock), name);
    expect([needsLogin(), needsLogin('Basic YQ==')]).toEqual([false, false]);
    authorizer.recordRefusal(contextFor(undefined, clock), name);
    expect([needsLogin(), needsLogin('Basic YQ=='), needsLogin(undefined, parseRepositoryName('a/c'))]).toEqual([
      true,
      false,
      false,
    ]);
    clock.advance(59_999);
    expect(needsLogin()).toBe(true);
    clock.advance(1);
    expect(needsLogin()).toBe(false);
  });

  it('stays within MEMORY_BYTES, however long the credentials are', async () => {
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10_000, bytes: MEBIBYTE }));
    const callers = Array.from({ length: 100 }, (_, n) => contextFor(`Bearer ${n}${'x'.repeat(20_000)}`));
    for (const ctx of callers) authorizer.recordProof(ctx, name, 'HEAD blobs');
    const granted = await Promise.all(callers.map((ctx) => authorizer.authorize(ctx, name, 'HEAD blobs')));
    const count = granted.filter(({ kind }) => kind === 'granted').length;
    // V8 may store two bytes for each character.
    expect(count).toBeGreaterThan(10);
    expect(count).toBeLessThanOrEqual(MEBIBYTE / 40_000);
  });
});

describe('a request with a header of 20 kB', () => {
  const LONG = 'x'.repeat(20_000);
  const blob = `/v2/a/b/blobs/sha256:${'a'.repeat(64)}`;
  const found = { headers: { 'content-length': '4', 'content-type': 'a/b' }, body: 'text' };

  it.each<[string, Record<string, string>, boolean]>([
    ['Authorization', { authorization: `Bearer ${LONG}` }, true],
    ['User-Agent', { 'user-agent': LONG }, true],
    ['an unknown header', { 'x-long': LONG }, false],
  ])("gets the origin's answer: %s", async (_what, headers, isCacheable) => {
    const origin = createScriptedServer(found);
    const edge = createEdge({ ORIGIN_URL: origin.url });
    for (const method of ['HEAD', 'GET', 'HEAD']) {
      expect((await edge.fetch(blob, { method, headers })).status).toBe(200);
    }
    const [sent] = await origin.calls();
    expect(sent?.headers).toMatchObject(headers);
    expect((await origin.calls()).length).toBe(isCacheable ? 2 : 3);
    expect(edge.log.join('\n')).not.toContain('xxx');
  });

  it('gets the refusal of an origin that does not accept it, and no failure of the edge', async () => {
    const edge = createEdge();
    for (const header of ['authorization', 'user-agent', 'x-long']) {
      for (const method of ['HEAD', 'GET', 'DELETE']) {
        const { status } = await edge.fetch(blob, { method, headers: { [header]: LONG } });
        expect(status).toBe(431);
      }
    }
  });
});

describe('the smallest memory that the configuration accepts', () => {
  const SMALLEST = { MEMORY_BYTES: '256KiB', MEMORY_ENTRIES: '16' };

  // The origin of the tests runs in Node, which accepts at most 16 KiB of headers in all.
  it.each([20, 2_000, 15_000])('holds the grant of a caller with a credential of %i characters', async (characters) => {
    const edge = createEdge(SMALLEST);
    const { path } = await pushBlob();
    const ask = () => edge.fetch(path, { method: 'HEAD', headers: { authorization: 'x'.repeat(characters) } });
    await ask();
    for (let n = 0; n < 3; n++) expect(cacheStatusOf(await ask())).toBe('registry-edge; hit; detail=durable');
  });

  it('holds all grants of a caller with a credential of 16 KiB in a repository with the longest name', () => {
    const { memory } = parseConfig(
      { ...SMALLEST, ORIGIN_URL: 'https://registry.test', BLOBDESCRIPTOR: 'inmemory' },
      BACKENDS,
    );
    const authorizer = createOriginAuthorizer(createMemory(memory));
    const ctx = contextFor(`Basic ${'x'.repeat(16 * 1024)}`);
    const longest = parseRepositoryName('a'.repeat(255));
    for (const kind of KINDS) authorizer.recordProof(ctx, longest, kind);
    const granted = KINDS.filter((kind) => (authorizer.authorize(ctx, longest, kind) as Access).kind === 'granted');
    expect(granted).toEqual(KINDS);
  });
});
