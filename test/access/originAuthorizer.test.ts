import { describe, expect, it } from 'vitest';
import type { Access, AnswerKind } from '../../src/access/authorizer.ts';
import { createOriginAuthorizer } from '../../src/access/originAuthorizer.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock } from '../support/context.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { pushBlob } from '../support/push.ts';
import { scripted } from '../support/scripted.ts';

const MEBIBYTE = 1_048_576;
const name = parseRepositoryName('a/b');
const KINDS: AnswerKind[] = ['HEAD blobs', 'GET blobs', 'HEAD manifests', 'GET manifests', 'GET lists'];
const START = Date.UTC(2026, 0, 1);
const seconds = (ms: number) => ms / 1000;

function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, '');
  return `${part({ alg: 'ES256' })}.${part(claims)}.c2ln`;
}

const asking = (authorization: string | undefined, clock = createClock(START)) =>
  contextOf(clock, new Request('http://edge.test/v2/', { headers: authorization ? { authorization } : {} }));

describe('createOriginAuthorizer', () => {
  it.each<[string, string | undefined, number]>([
    ['no credential', undefined, 60_000],
    ['Basic', 'Basic YTpi', 60_000],
    ['an opaque token', 'Bearer opaque', 60_000],
    ['a JWT without an end', `Bearer ${jwt({})}`, 60_000],
    ['a JWT that ends later', `Bearer ${jwt({ exp: seconds(START) + 300 })}`, 60_000],
    ['a JWT that ends sooner', `Bearer ${jwt({ exp: seconds(START) + 10 })}`, 10_000],
    ['a JWT behind a scheme in other letters', `bEARER  ${jwt({ exp: seconds(START) + 10 })}`, 10_000],
    ['a JWT that has ended', `Bearer ${jwt({ exp: seconds(START) - 1 })}`, 0],
    ['a JWT whose end is no number', `Bearer ${jwt({ exp: 'soon' })}`, 0],
  ])('grants for so long: %s', async (_what, authorization, lastsMs) => {
    const clock = createClock(START);
    const ctx = asking(authorization, clock);
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    expect(await authorizer.authorize(ctx, name, 'HEAD blobs')).toEqual({ kind: 'unproven' });
    authorizer.recordProof(ctx, name, 'HEAD blobs');
    clock.advance(lastsMs - 1);
    if (lastsMs > 0)
      expect(await authorizer.authorize(ctx, name, 'HEAD blobs')).toEqual({ kind: 'granted', mayPush: true });
    clock.advance(1);
    expect(await authorizer.authorize(ctx, name, 'HEAD blobs')).toEqual({ kind: 'unproven' });
  });

  it('ends the grant of this caller in this repository, and no other', async () => {
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    const [alice, bob] = [asking('Basic YQ=='), asking('Basic Yg==')];
    const other = parseRepositoryName('a/b/c');
    for (const ctx of [alice, bob]) authorizer.recordProof(ctx, name, 'HEAD blobs');
    authorizer.recordProof(alice, other, 'HEAD blobs');
    authorizer.recordRefusal(alice, name);
    expect((await authorizer.authorize(alice, name, 'HEAD blobs')).kind).toBe('unproven');
    expect((await authorizer.authorize(alice, other, 'HEAD blobs')).kind).toBe('granted');
    expect((await authorizer.authorize(bob, name, 'HEAD blobs')).kind).toBe('granted');
  });

  it.each<[AnswerKind, AnswerKind[]]>([
    ['HEAD blobs', ['HEAD blobs']],
    ['GET blobs', ['HEAD blobs', 'GET blobs']],
    ['HEAD manifests', ['HEAD manifests']],
    ['GET manifests', ['HEAD manifests', 'GET manifests']],
    ['GET lists', ['GET lists']],
  ])('grants for %s what that proves, and nothing else; a refusal ends all of it', async (proved, granted) => {
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10, bytes: MEBIBYTE }));
    const ctx = asking('Basic YQ==');
    const grantedNow = () =>
      KINDS.filter((kind) => (authorizer.authorize(ctx, name, kind) as Access).kind === 'granted');
    authorizer.recordProof(ctx, name, proved);
    expect(grantedNow()).toEqual(granted);
    authorizer.recordRefusal(ctx, name);
    expect(grantedNow()).toEqual([]);
  });

  it('keeps within MEMORY_BYTES, however long the credentials are', async () => {
    const authorizer = createOriginAuthorizer(createMemory({ entries: 10_000, bytes: MEBIBYTE }));
    const callers = Array.from({ length: 100 }, (_, n) => asking(`Bearer ${n}${'x'.repeat(20_000)}`));
    for (const ctx of callers) authorizer.recordProof(ctx, name, 'HEAD blobs');
    const granted = await Promise.all(callers.map((ctx) => authorizer.authorize(ctx, name, 'HEAD blobs')));
    const kept = granted.filter(({ kind }) => kind === 'granted').length;
    // V8 may keep two bytes a character.
    expect(kept).toBeGreaterThan(10);
    expect(kept).toBeLessThanOrEqual(MEBIBYTE / 40_000);
  });
});

describe('a header of 20 kB', () => {
  const LONG = 'x'.repeat(20_000);
  const blob = `/v2/a/b/blobs/sha256:${'a'.repeat(64)}`;
  const found = { headers: { 'content-length': '4', 'content-type': 'a/b' }, body: 'text' };

  it.each<[string, Record<string, string>, boolean]>([
    ['Authorization', { authorization: `Bearer ${LONG}` }, true],
    ['User-Agent', { 'user-agent': LONG }, true],
    ['a header that nobody knows', { 'x-long': LONG }, false],
  ])("gets the origin's answer: %s", async (_what, headers, isKnown) => {
    const origin = scripted(found);
    const edge = createEdge({ ORIGIN_URL: origin.url });
    for (const method of ['HEAD', 'GET', 'HEAD']) {
      expect((await edge.fetch(blob, { method, headers })).status).toBe(200);
    }
    const [sent] = await origin.calls();
    expect(sent?.headers).toMatchObject(headers);
    expect((await origin.calls()).length).toBe(isKnown ? 2 : 3);
    expect(edge.log.join('\n')).not.toContain('xxx');
  });

  it('gets the refusal of an origin that takes none so long, and no failure of the edge', async () => {
    const edge = createEdge();
    for (const header of ['authorization', 'user-agent', 'x-long']) {
      for (const method of ['HEAD', 'GET', 'DELETE']) {
        const { status } = await edge.fetch(blob, { method, headers: { [header]: LONG } });
        expect(status).toBe(431);
      }
    }
  });
});

describe('the smallest memory that is taken', () => {
  const SMALLEST = { MEMORY_BYTES: '256KiB', MEMORY_ENTRIES: '16' };

  // Node, as the origin of the tests, takes no more than 16 KiB of headers in all.
  it.each([20, 2_000, 15_000])('keeps the proof of a caller with a credential of %i characters', async (characters) => {
    const edge = createEdge(SMALLEST);
    const { path } = await pushBlob();
    const ask = () => edge.fetch(path, { method: 'HEAD', headers: { authorization: 'x'.repeat(characters) } });
    await ask();
    for (let n = 0; n < 3; n++) expect(cacheStatusOf(await ask())).toBe('registry-edge; hit; detail=kv');
  });

  it('keeps all that is proved of a caller with a credential of 16 KiB, in a repository with the longest name', () => {
    const { memory } = parseConfig({ ...SMALLEST, ORIGIN_URL: 'https://registry.test', BLOBDESCRIPTOR: 'inmemory' });
    const authorizer = createOriginAuthorizer(createMemory(memory));
    const ctx = asking(`Basic ${'x'.repeat(16 * 1024)}`);
    const longest = parseRepositoryName('a'.repeat(255));
    for (const kind of KINDS) authorizer.recordProof(ctx, longest, kind);
    const granted = KINDS.filter((kind) => (authorizer.authorize(ctx, longest, kind) as Access).kind === 'granted');
    expect(granted).toEqual(KINDS);
  });
});
