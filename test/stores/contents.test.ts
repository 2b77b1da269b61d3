import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { contentItem } from '../../src/cache/contentItem.ts';
import type { Contents } from '../../src/cache/contents.ts';
import { createBreaker, guarded } from '../../src/cache/guarded.ts';
import type { CacheItem } from '../../src/cache/item.ts';
import { tiered } from '../../src/cache/tiered.ts';
import type { RequestContext } from '../../src/context.ts';
import type { Entry } from '../../src/oci/descriptor.ts';
import { MAX_MANIFEST_BYTES } from '../../src/origin/manifests.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import { contentOf, describeContents } from '../support/contentsSuite.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor } from '../support/digests.ts';
import { interceptObjects } from '../support/durableStore.ts';
import { createEdge } from '../support/edge.ts';
import { FAILING_KV } from '../support/kvStore.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { ADDRESS, NO_REDIS, redis } from '../support/redisStore.ts';
import {
  ALL_STORES,
  cacheWith,
  HOUR_MS,
  openDurable,
  openKv,
  openMemory,
  openRedis,
  openTier,
  type RawStore,
  SHARED_STORES,
  storeNamed,
} from '../support/stores.ts';

const MEMORY_MAX_BYTES = storeNamed('memory').maxContentBytes;
const [IN_KV, IN_REDIS] = [rawOf('kv'), rawOf('redis')];

const memory = (ttlMs = HOUR_MS) => openTier(ttlMs).contents;
const kv = (namespace: DescriptorNamespace = env.DESCRIPTORS) => openKv({}, namespace).contents;
const inRedis = (at = ADDRESS) => openRedis({}, at).contents;
const tieredContents = (near: Contents, far: Contents) =>
  tiered(cacheWith({ contents: near }), cacheWith({ contents: far })).contents;
const guardedContents = (contents: Contents) => guarded(createBreaker(), cacheWith({ contents })).contents;
const setup = () => {
  const clock = createClock(Date.now());
  return { clock, ctx: contextOf(clock) };
};

for (const { name, isAvailable, open, openFailing, maxContentBytes, raw } of ALL_STORES) {
  describeContents(name, {
    create: () => open().contents,
    createFailing: openFailing && (() => openFailing().contents),
    maxBytes: maxContentBytes,
    skip: !isAvailable,
    raw,
  });
}
describeContents('tiered: memory before kv', {
  create: () => tieredContents(memory(), kv()),
  createFailing: () => tieredContents(memory(), kv(FAILING_KV)),
  maxBytes: MAX_MANIFEST_BYTES,
});
describeContents('guarded: kv', {
  create: () => guardedContents(kv()),
  createFailing: () => guardedContents(kv(FAILING_KV)),
  maxBytes: MAX_MANIFEST_BYTES,
  raw: IN_KV,
});

function rawOf(name: string): RawStore {
  const { raw } = storeNamed(name);
  if (!raw) throw new TypeError(`${name} has no access past the code under test`);
  return raw;
}

interface Life {
  readonly content: Uint8Array;
  /** Counts the writes so far. */
  count(): number;
}

/** Reads content in the first and in the second half of its life, twice. @returns how often it was written until then */
async function writesThroughLife(
  read: () => Promise<unknown>,
  { clock, ctx, content, count }: Pick<ReturnType<typeof setup>, 'clock' | 'ctx'> & Life,
): Promise<number[]> {
  const counts: number[] = [];
  for (const ms of [HOUR_MS / 2, 1, HOUR_MS / 2, 1]) {
    clock.advance(ms);
    expect(await read()).toEqual(content);
    await ctx.settled();
    counts.push(count());
  }
  return counts;
}

describe('content expires', () => {
  it.each([
    ['in memory, as a tier: after its life', false],
    ['in memory, as the only store: a life after it was last read', true],
  ])('%s', async (_when, livesOn) => {
    const { clock, ctx } = setup();
    const { content, digest } = await contentOf(crypto.randomUUID());
    const contents = livesOn ? openMemory({ retentionMs: 30_000 }).contents : memory(30_000);
    await contents.put(ctx, digest, content);
    clock.advance(29_999);
    expect(await contents.get(ctx, digest)).toEqual(content);
    clock.advance(1);
    expect(contents.peek?.(ctx, digest)).toEqual(livesOn ? content : undefined);
    clock.advance(29_999);
    expect(await contents.get(ctx, digest)).toEqual(livesOn ? content : undefined);
    clock.advance(30_000);
    expect([await contents.get(ctx, digest), contents.peek?.(ctx, digest)]).toEqual([undefined, undefined]);
  });

  it('in KV, at the earliest after the least time that KV allows', async () => {
    const { ctx } = setup();
    for (const [ms, seconds] of [
      [HOUR_MS, 3_600],
      [1, 60],
    ] as const) {
      const { content, digest } = await contentOf(crypto.randomUUID());
      await openKv({ retentionMs: ms }).contents.put(ctx, digest, content);
      const { keys } = await env.DESCRIPTORS.list({ prefix: IN_KV.contentKey(digest) });
      const left = (keys[0]?.expiration ?? 0) - Date.now() / 1000;
      expect(left).toBeGreaterThan(seconds - 10);
      expect(left).toBeLessThanOrEqual(seconds + 1);
    }
  });

  it.skipIf(NO_REDIS)('in Redis, a life after it was last read', async () => {
    const { content, digest } = await contentOf(crypto.randomUUID());
    await inRedis().put(setup().ctx, digest, content);
    const left = await redis.pttl(IN_REDIS.contentKey(digest));
    expect(left).toBeGreaterThan(HOUR_MS - 10_000);
    expect(left).toBeLessThanOrEqual(HOUR_MS);
    await redis.pexpire(IN_REDIS.contentKey(digest), 60_000);
    await inRedis().get(setup().ctx, digest);
    expect(await redis.pttl(IN_REDIS.contentKey(digest))).toBeGreaterThan(HOUR_MS - 10_000);
  });

  it('in a Durable Object, unless it is read in the second half of its life', async () => {
    const { clock, ctx } = setup();
    const { content, digest } = await contentOf(crypto.randomUUID());
    let writes = 0;
    const objects = interceptObjects((method, _args, call) => {
      if (method === 'write') writes++;
      return call();
    });
    const { contents } = openDurable({ retentionMs: HOUR_MS }, objects);
    await contents.put(ctx, digest, content);
    expect(
      await writesThroughLife(() => contents.get(ctx, digest), { clock, ctx, content, count: () => writes }),
    ).toEqual([1, 2, 2, 3]);
    clock.advance(HOUR_MS);
    expect(await contents.get(ctx, digest)).toBeUndefined();
  });

  it('in KV, unless it is read in the second half of its life', async () => {
    const { clock, ctx } = setup();
    const { content, digest } = await contentOf(crypto.randomUUID());
    let puts = 0;
    const put = (...call: Parameters<KVNamespace['put']>) => {
      puts++;
      return env.DESCRIPTORS.put(...call);
    };
    const getWithMetadata = env.DESCRIPTORS.getWithMetadata.bind(env.DESCRIPTORS);
    const contents = kv({ getWithMetadata, put } as unknown as DescriptorNamespace);
    await contents.put(ctx, digest, content);
    expect(
      await writesThroughLife(() => contents.get(ctx, digest), { clock, ctx, content, count: () => puts }),
    ).toEqual([1, 2, 2, 3]);
  });
});

describe('createContents', () => {
  it('emits every read with its outcome', async () => {
    const { ctx } = setup();
    const { content, digest } = await contentOf(crypto.randomUUID());
    const contents = kv();
    await contents.get(ctx, digest);
    await contents.put(ctx, digest, content);
    await contents.get(ctx, digest);
    await IN_KV.writeContent(digest, 'x');
    await contents.get(ctx, digest);
    await expect(kv(FAILING_KV).get(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
    expect(ctx.events.map((event) => event.kind === 'stat' && event.outcome)).toEqual(['miss', 'hit', 'miss', 'fault']);
  });

  it('misses corrupted content even if it cannot be removed', async () => {
    const { digest } = await contentOf(crypto.randomUUID());
    await IN_KV.writeContent(digest, 'x');
    const getWithMetadata = env.DESCRIPTORS.getWithMetadata.bind(env.DESCRIPTORS);
    const contents = kv({ ...FAILING_KV, getWithMetadata } as unknown as DescriptorNamespace);
    expect(await contents.get(setup().ctx, digest)).toBeUndefined();
  });
});

describe.skipIf(NO_REDIS)('createRedisContents', () => {
  it('stores nothing that is not UTF-8, since it would not come back byte for byte', async () => {
    const { ctx } = setup();
    for (const bytes of [[0xff], [0xc3, 0x28], [0x7b, 0xed, 0xa0, 0x80, 0x7d], [0xf0, 0x9f, 0x90]]) {
      const content = new Uint8Array([...bytes, ...new TextEncoder().encode(crypto.randomUUID())]);
      const { digest } = await contentOf(crypto.randomUUID());
      await inRedis().put(ctx, digest, content);
      expect([await redis.exists(IN_REDIS.contentKey(digest)), await inRedis().get(ctx, digest)]).toEqual([
        0,
        undefined,
      ]);
    }
  });

  it('removes a key of another type, as it does with corrupted content', async () => {
    const { ctx } = setup();
    const { digest, content } = await contentOf(crypto.randomUUID());
    await redis.sadd(IN_REDIS.contentKey(digest), 'member');
    expect(await inRedis().get(ctx, digest)).toBeUndefined();
    expect(await redis.exists(IN_REDIS.contentKey(digest))).toBe(0);
    await inRedis().put(ctx, digest, content);
    expect(await inRedis().get(ctx, digest)).toEqual(content);
  });

  it('reports a rejected token as a fault', async () => {
    const { ctx } = setup();
    const { digest } = await contentOf(crypto.randomUUID());
    await expect(inRedis({ ...ADDRESS, token: 'wrong' }).get(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });
});

describe('tiered contents', () => {
  it('copies into the near store what the far one returns', async () => {
    const { ctx } = setup();
    const { content, digest } = await contentOf(crypto.randomUUID());
    const [near, far] = [memory(), memory()];
    await far.put(ctx, digest, content);
    const tiers = tieredContents(near, far);
    expect(tiers.peek?.(ctx, digest)).toBeUndefined();
    await tiers.get(ctx, digest);
    expect([await near.get(ctx, digest), tiers.peek?.(ctx, digest)]).toEqual([content, content]);
  });

  it('writes to the near store neither what the far one rejected nor what is corrupted there', async () => {
    const { ctx } = setup();
    const [one, other] = [await contentOf(crypto.randomUUID()), await contentOf(crypto.randomUUID())];
    const near: Contents = memory();
    await expect(tieredContents(near, kv(FAILING_KV)).put(ctx, one.digest, one.content)).rejects.toBeInstanceOf(
      CacheFault,
    );
    await IN_KV.writeContent(other.digest, 'x');
    expect(await tieredContents(near, kv()).get(ctx, other.digest)).toBeUndefined();
    for (const { digest } of [one, other]) expect(await near.get(ctx, digest)).toBeUndefined();
  });

  it('stores content above 256 KiB in the far store alone', async () => {
    const { ctx } = setup();
    const { content, digest } = await contentOf(crypto.randomUUID().padEnd(MEMORY_MAX_BYTES + 1));
    const [near, far] = [memory(), kv()];
    await tieredContents(near, far).put(ctx, digest, content);
    expect([await near.get(ctx, digest), (await far.get(ctx, digest))?.length]).toEqual([undefined, content.length]);
  });
});

describe('contentItem', () => {
  async function setupItem(contents = memory()) {
    const { clock, ctx } = setup();
    const { content, digest } = await contentOf(crypto.randomUUID());
    const entry = { ...entryFor(digest, clock.now(), { size: content.length }), content };
    const stored: { descriptor?: Entry | undefined } = {};
    const descriptor: CacheItem = {
      stat: async () => stored.descriptor,
      async set(_ctx, { descriptor, verifiedAt }) {
        stored.descriptor = { descriptor, verifiedAt };
        return true;
      },
      clear: async () => void delete stored.descriptor,
    };
    const item = contentItem(digest, descriptor, contents);
    return { ctx, digest, entry, stored, contents, item };
  }
  const isHalfCleared = (ctx: RequestContext) => ctx.events.some(({ kind }) => kind === 'half-cleared');

  it('needs descriptor and content, and emits half-cleared if only the descriptor matches', async () => {
    const { ctx, digest, entry, stored, contents, item } = await setupItem();
    await contents.put(ctx, digest, entry.content);
    expect([await item.stat(ctx), isHalfCleared(ctx)]).toEqual([undefined, false]);
    await item.set(ctx, entry, undefined);
    expect([await item.stat(ctx), isHalfCleared(ctx)]).toEqual([entry, false]);
    const { content, ...known } = entry;
    stored.descriptor = { ...known, descriptor: { ...known.descriptor, size: content.length + 1 } };
    expect([await item.stat(ctx), isHalfCleared(ctx)]).toEqual([undefined, true]);
  });

  it('stores the descriptor even if the content cannot be stored, and throws', async () => {
    const { ctx, entry, stored, item } = await setupItem(kv(FAILING_KV));
    await expect(item.set(ctx, entry, undefined)).rejects.toBeInstanceOf(CacheFault);
    expect(stored.descriptor).toEqual({ descriptor: entry.descriptor, verifiedAt: entry.verifiedAt });
  });

  it('clears the descriptor alone, since other repositories may need the content', async () => {
    const { ctx, digest, entry, contents, item } = await setupItem();
    await item.set(ctx, entry, undefined);
    await item.clear(ctx, ctx.now());
    expect([await item.stat(ctx), await contents.get(ctx, digest)]).toEqual([undefined, entry.content]);
  });
});

describe.each(SHARED_STORES)('corrupted content, through the edge: $name', ({ name: store, variables }) => {
  const { writeContent, readContent } = rawOf(store);

  it.each(['origin', 'anonymous'])('is never served, but fetched again and replaced: CLIENT_AUTH=%s', async (auth) => {
    const edge = createEdge({ ...variables, CLIENT_AUTH: auth, MEMORY_TTL: '0' });
    const manifest = await pushManifest();
    await edge.fetch(manifest.path, manifestRequest('GET'));
    for (const garbage of ['', '{}', manifest.bytes.replace('2', '3'), `${manifest.bytes} `]) {
      await writeContent(manifest.digest, garbage);
      const asked = (await manifest.questions()).length;
      for (let n = 0; n < 2; n++) {
        expect(await (await edge.fetch(manifest.path, manifestRequest('GET'))).text()).toBe(manifest.bytes);
      }
      expect((await manifest.questions()).slice(asked)).toEqual([`GET ${manifest.digest}`]);
      expect(await readContent(manifest.digest)).toBe(manifest.bytes);
    }
  });
});
