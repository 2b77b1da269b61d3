import { Redis } from '@upstash/redis/cloudflare';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { type BlobDescriptorService, CacheFault, STORE_TIMEOUT_MS } from '../../src/cache/provider.ts';
import { createRedisProvider } from '../../src/cache/redis.ts';
import { CLOCK_SKEW_MS } from '../../src/cache/tombstone.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, someDigest, someName } from '../support/digests.ts';
import { type Script, scripted } from '../support/scripted.ts';

const HOUR_MS = 3_600_000;
const ctx = contextOf(createClock(Date.now()));
const digest = someDigest();

/** The provider before a server that answers by a script. */
function facing(script: Script, token = 'token') {
  const server = scripted(script);
  const address = { url: server.url, token, isShared: false };
  const provider = createRedisProvider(address, { retentionMs: HOUR_MS, isOpen: false });
  return { ...server, scoped: provider.repositoryScoped(parseRepositoryName(someName()), 'blobs') };
}

const VERBS: [string, (scoped: BlobDescriptorService) => Promise<unknown>][] = [
  ['stat', (scoped) => scoped.stat(ctx, digest)],
  ['setDescriptor', (scoped) => scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))],
  ['clear', (scoped) => scoped.clear(ctx, digest)],
];

describe.each(VERBS)('createRedisProvider: %s over a bad wire', (_verb, call) => {
  it.each<[string, Script]>([
    ['a server that closes the connection', { instead: 'close' }],
    ['a 500', { status: 500, body: '{"error":"ERR"}' }],
    ['a 401', { status: 401, body: '{"error":"Unauthorized"}' }],
    ['a 429 without JSON', { status: 429, body: 'slow down' }],
    ['HTML', { headers: { 'content-type': 'text/html' }, body: '<!doctype html><p>sign in' }],
    ['JSON that was cut off', { body: '[{"result":0},{"resu' }],
    ['nothing at all', { body: '' }],
    ['an object', { body: '{"result":null}' }],
    ['an error in one command', { body: '[{"result":0},{"error":"WRONGTYPE"},{"result":0}]' }],
  ])('asks once, and takes %s for a fault', async (_what, script) => {
    const { scoped, calls } = facing(script);
    await expect(call(scoped)).rejects.toBeInstanceOf(CacheFault);
    expect(await calls()).toHaveLength(1);
  });
});

describe('createRedisProvider: a slow wire', () => {
  it.each<[string, Script]>([
    ['a server that says nothing', { instead: 'silence' }],
    ['a body that does not come', { bodyWaitMs: 4_000, body: '[]' }],
  ])('takes %s for a fault of every verb, after about 1 s', async (_what, script) => {
    const waits = VERBS.map(async ([, call]) => {
      const since = performance.now();
      await expect(call(facing(script).scoped)).rejects.toBeInstanceOf(CacheFault);
      return performance.now() - since;
    });
    for (const waited of await Promise.all(waits)) {
      expect(waited).toBeGreaterThan(800);
      expect(waited).toBeLessThan(2_500);
    }
  });
});

const redis = inject('redis');
describe.skipIf(!redis)('createRedisProvider: requests', () => {
  const address = { url: '', token: '', ...redis, isShared: false };
  const { url, token } = address;
  // A server that knows sync tokens: a client that reads its own writes would send one back.
  const forwarding = () => facing({ forward: url, headers: { 'upstash-sync-token': 'abc' } }, token);

  it('makes one request of each verb, and tells nobody about us', async () => {
    const { scoped, calls } = forwarding();
    for (const [, call] of VERBS) await call(scoped);
    const made = await calls();
    expect(made.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /pipeline',
      'POST /multi-exec',
      'POST /multi-exec',
    ]);
    const telling = made.flatMap(({ headers }) => Object.keys(headers)).filter((name) => /telemetry|sync/.test(name));
    expect(telling).toEqual([]);
  });

  it('shares no request between two that ask at the same time', async () => {
    const { scoped, calls } = forwarding();
    await Promise.all([scoped.stat(ctx, digest), scoped.stat(ctx, digest)]);
    expect((await calls()).map(({ path }) => path)).toEqual(['/pipeline', '/pipeline']);
  });

  it('lets every key live until no clock could find it of use, and clears membership at once', async () => {
    const direct = new Redis({ url, token, automaticDeserialization: false });
    const name = parseRepositoryName(someName());
    const provider = createRedisProvider(address, { retentionMs: HOUR_MS, isOpen: false });
    const members = `repository::${name}::blobs`;
    const blob = someDigest();
    const isAsLongAsSkew = async (key: string) =>
      (await direct.ttl(key)) > (HOUR_MS + CLOCK_SKEW_MS) / 1000 - 3 ? key : `${key} ends too soon`;
    const scoped = provider.repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, blob, entryFor(blob, ctx.now()));
    for (const key of [`blobs::${blob}`, `${members}::${blob}`]) expect(await isAsLongAsSkew(key)).toBe(key);
    expect(await direct.sismember(members, blob)).toBe(1);
    // The life of a tombstone begins with the clear: a hash that is there already would end sooner.
    await direct.expire(`${members}::${blob}`, 100);
    await scoped.clear(ctx, blob);
    expect(await direct.sismember(members, blob)).toBe(0);
    expect(await isAsLongAsSkew(`${members}::${blob}`)).toBe(`${members}::${blob}`);
    expect(await direct.hmget(`${members}::${blob}`, 'mediatype', 'verified', 'open')).toEqual([null, null, null]);
  });
});

interface Item {
  readonly result?: unknown;
}
const eachList = (items: readonly Item[], change: (list: readonly unknown[]) => unknown) =>
  items.map((item) => (Array.isArray(item.result) ? { result: change(item.result) } : item));

describe.skipIf(!redis)('createRedisProvider: replies', () => {
  afterEach(() => vi.restoreAllMocks());

  /** What Redis really replies to a stat. */
  async function repliesFor(isThere: boolean): Promise<Item[]> {
    const address = { url: '', token: '', ...redis, isShared: false };
    const provider = createRedisProvider(address, { retentionMs: HOUR_MS, isOpen: false });
    const scoped = provider.repositoryScoped(parseRepositoryName(someName()), 'blobs');
    if (isThere) await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    const send = globalThis.fetch;
    let replies: Item[] = [];
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (...call) => {
      const response = await send(...call);
      replies = (await response.clone().json()) as Item[];
      return response;
    });
    await scoped.stat(ctx, digest);
    vi.restoreAllMocks();
    return replies;
  }

  it('are a hit or a miss as they are, in a time of each request, not of the isolate', async () => {
    const there = facing({ body: JSON.stringify(await repliesFor(true)) });
    const absent = facing({ body: JSON.stringify(await repliesFor(false)) });
    await new Promise((resolve) => setTimeout(resolve, STORE_TIMEOUT_MS + 50));
    expect(await there.scoped.stat(ctx, digest)).toEqual(entryFor(digest, ctx.now()));
    expect(await absent.scoped.stat(ctx, digest)).toBeUndefined();
  });

  it.each<[string, (items: readonly Item[]) => unknown]>([
    ['none', () => []],
    ['without a result', (items) => items.map(() => ({}))],
    ['one too few', (items) => items.slice(0, -1)],
    ['nulls', (items) => items.map(() => ({ result: null }))],
    ['a membership that is neither 0 nor 1', ([, ...more]) => [{ result: 2 }, ...more]],
    ['a membership in words', ([, ...more]) => [{ result: btoa('1') }, ...more]],
    ['lists with one field less', (items) => eachList(items, (list) => list.slice(0, -1))],
    ['lists with one field more', (items) => eachList(items, (list) => [...list, null])],
    [
      'a last list with one field less',
      (items) => [...items.slice(0, -1), ...eachList(items.slice(-1), (list) => list.slice(1))],
    ],
    ['lists of numbers', (items) => eachList(items, (list) => list.map(() => 1))],
    ['fields by name', (items) => eachList(items, (list) => ({ ...list }))],
  ])('that cannot be are a fault, never a miss: %s', async (_what, change) => {
    for (const isThere of [true, false]) {
      const { scoped } = facing({ body: JSON.stringify(change(await repliesFor(isThere))) });
      await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
    }
  });
});
