import { describe, expect, it } from 'vitest';
import { createBreaker, guarded } from '../../src/cache/guarded.ts';
import type { CacheItem } from '../../src/cache/item.ts';
import { tagItem } from '../../src/cache/tagItem.ts';
import type { Tags } from '../../src/cache/tags.ts';
import type { AskedAs } from '../../src/http/identity.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import type { Entry } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import { CLOCK_SKEW_MS } from '../../src/stores/tombstone.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { pushManifest, uniqueManifest } from '../support/pushManifest.ts';
import { ADDRESS, fieldsOf, NO_REDIS, REDIS, redis } from '../support/redisStore.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { ALL_STORES, cacheWith, openMemory, openRedis } from '../support/stores.ts';
import { describeTags, someTag } from '../support/tagsSuite.ts';

const TTL_MS = 60_000;
const memory = (bounds = { entries: 1_000, bytes: 1_048_576 }) =>
  openMemory({ memory: createMemory(bounds), retentionMs: TTL_MS }).tags as Tags;
const inRedis = (at = ADDRESS, askedAs: AskedAs = 'nobody') =>
  openRedis({ retentionMs: TTL_MS, askedAs }, at).tags as Tags;
const setup = () => {
  const clock = createClock(Date.now());
  const key = someTag();
  const at = `registry-edge::tags::${key.name}::${key.tag}`;
  return { clock, ctx: contextOf(clock), key, at, field: `open ${key.variant}`, digest: uniqueDigest() };
};

const OPTIONS = { retentionMs: TTL_MS, askedAs: 'nobody' } as const;
for (const { name, isAvailable, open, openFailing } of ALL_STORES.filter((store) => store.open().tags)) {
  describeTags(name, {
    create: () => open(OPTIONS).tags as Tags,
    createFailing: openFailing && (() => openFailing(OPTIONS).tags as Tags),
    skip: !isAvailable,
  });
}
describeTags('guarded: memory', { create: () => guarded(createBreaker(), cacheWith({ tags: memory() })).tags as Tags });

describe('createInMemoryTags', () => {
  it('keeps a pointer for its life and CLOCK_SKEW_MS', async () => {
    const { clock, ctx, key, digest } = setup();
    const tags = memory();
    await tags.set(ctx, key, { digest, verifiedAt: clock.now() });
    clock.advance(TTL_MS);
    expect(await tags.get(ctx, key)).toBeDefined();
    clock.advance(CLOCK_SKEW_MS);
    expect(await tags.get(ctx, key)).toBeUndefined();
  });

  it('keeps a tombstone for as long as a pointer that it hides could answer', async () => {
    const { clock, ctx, key, digest } = setup();
    const tags = memory();
    const before = { digest, verifiedAt: clock.now() };
    await tags.drop(ctx, key.name, [key.tag]);
    clock.advance(TTL_MS - 1);
    await tags.set(ctx, key, before);
    expect(await tags.get(ctx, key)).toBeUndefined();
  });

  it('keeps the 16 variants that were set last', async () => {
    const { clock, ctx, key, digest } = setup();
    const tags = memory();
    const ofVariant = (n: number) => ({ ...key, variant: `text/${n} ` });
    for (let n = 0; n < 16; n++) await tags.set(ctx, ofVariant(n), { digest, verifiedAt: clock.now() });
    const missing = async () => {
      const found = await Promise.all(Array.from({ length: 17 }, (_, n) => tags.get(ctx, ofVariant(n))));
      return found.flatMap((pointer, n) => (pointer ? [] : [n]));
    };
    for (const n of [0, 5]) await tags.set(ctx, ofVariant(n), { digest, verifiedAt: clock.now() });
    expect(await missing()).toEqual([16]);
    await tags.set(ctx, ofVariant(16), { digest, verifiedAt: clock.now() });
    expect(await missing()).toEqual([1]);
  });

  it('purges tags whose pointers have expired, and does not count them', async () => {
    const { clock, ctx, key, digest } = setup();
    const tags = memory();
    await tags.set(ctx, key, { digest, verifiedAt: clock.now() });
    clock.advance(TTL_MS + CLOCK_SKEW_MS);
    expect(await tags.purge(ctx, [key.name])).toEqual({ removed: 0 });
  });

  it('counts the bytes of every variant', async () => {
    const { clock, ctx, key, digest } = setup();
    const tags = memory({ entries: 1_000, bytes: 8_000 });
    const long = (n: number) => ({ ...key, variant: `${n}`.padEnd(1_000, 'x') });
    for (let n = 0; n < 8; n++) await tags.set(ctx, long(n), { digest, verifiedAt: clock.now() });
    for (let n = 0; n < 8; n++) expect(await tags.get(ctx, long(n))).toBeUndefined();
  });
});

describe.skipIf(NO_REDIS)('createRedisTags', () => {
  it('writes one hash per tag, which expires', async () => {
    const { ctx, key, at, field, digest } = setup();
    await inRedis().set(ctx, key, { digest, verifiedAt: 1_700_000_000_000 });
    expect(await fieldsOf(at)).toEqual({ [field]: `${digest} 1700000000000` });
    expect(await redis.pttl(at)).toBeGreaterThan(TTL_MS);
    await inRedis().drop(ctx, key.name, [key.tag]);
    expect(await fieldsOf(at)).toEqual({ cleared: String(ctx.now() + CLOCK_SKEW_MS) });
    expect(await redis.pttl(at)).toBeGreaterThan(TTL_MS);
    expect(await redis.pttl(at)).toBeLessThanOrEqual(TTL_MS + CLOCK_SKEW_MS);
  });

  it('keeps the pointers of an open mirror apart from others, and drops both', async () => {
    const { clock, ctx, key, digest } = setup();
    const [open, closed] = [inRedis(), inRedis(ADDRESS, 'caller')];
    await open.set(ctx, key, { digest, verifiedAt: clock.now() });
    expect(await closed.get(ctx, key)).toBeUndefined();
    await closed.drop(ctx, key.name, [key.tag]);
    expect(await open.get(ctx, key)).toBeUndefined();
  });

  it.each([
    '',
    'DIGEST',
    'DIGEST soon',
    'DIGEST -1',
    'DIGEST 1.5',
    ' 1700000000000',
    'sha256:short 1700000000000',
    'md5:d41d8cd98f00b204e9800998ecf8427e 1700000000000',
    '{"digest":"DIGEST"}',
  ])('reports a malformed pointer as a fault: %j', async (text) => {
    const { ctx, key, at, field, digest } = setup();
    await redis.hset(at, { [field]: text.replace('DIGEST', digest) });
    await expect(inRedis().get(ctx, key)).rejects.toBeInstanceOf(CacheFault);
  });

  it('removes a malformed pointer in a drop, and does not return it', async () => {
    const { ctx, key, at, field } = setup();
    await redis.hset(at, { [field]: 'sha256:short 1700000000000' });
    expect(await inRedis().drop(ctx, key.name, [key.tag])).toEqual(new Set());
    expect(Object.keys(await fieldsOf(at))).toEqual(['cleared']);
  });

  it('sends no note that this isolate has just written, not even after an eviction', async () => {
    const { clock, ctx, key, digest } = setup();
    const server = createScriptedServer({ forward: ADDRESS.url });
    const tags = inRedis({ ...ADDRESS, url: server.url });
    for (let n = 0; n < 2; n++) expect(await tags.note(ctx, key, { digest, verifiedAt: clock.now() })).toBe(true);
    await tags.evict(ctx, key.name, key.tag, clock.now() - 1);
    expect(await tags.note(ctx, key, { digest, verifiedAt: clock.now() })).toBe(true);
    // One note and the eviction.
    expect(await server.calls()).toHaveLength(2);
  });

  it('reports a malformed tombstone and a key of another type as faults', async () => {
    const { clock, ctx, key, at, digest } = setup();
    await inRedis().set(ctx, key, { digest, verifiedAt: clock.now() });
    await redis.hset(at, { cleared: 'never' });
    await expect(inRedis().get(ctx, key)).rejects.toBeInstanceOf(CacheFault);
    await redis.del(at);
    await redis.set(at, 'text');
    await expect(inRedis().get(ctx, key)).rejects.toBeInstanceOf(CacheFault);
    await expect(inRedis().set(ctx, key, { digest, verifiedAt: 1 })).rejects.toBeInstanceOf(CacheFault);
  });

  it.each([
    '{"result":"OK"}',
    '{"result":[]}',
    '{"result":["a",1]}',
    '{"result":[["a"]]}',
    '{"result":{}}',
    '{}',
    '<html></html>',
  ])('reports a reply that is not one of Redis as a fault: %s', async (body) => {
    const { ctx, key, digest } = setup();
    const tags = inRedis({ ...ADDRESS, url: createScriptedServer({ body }).url });
    await expect(tags.get(ctx, key)).rejects.toBeInstanceOf(CacheFault);
    await expect(tags.set(ctx, key, { digest, verifiedAt: 1 })).rejects.toBeInstanceOf(CacheFault);
    await expect(tags.drop(ctx, key.name, [key.tag])).rejects.toBeInstanceOf(CacheFault);
    await expect(tags.note(ctx, key, { digest, verifiedAt: 1 })).rejects.toThrow();
  });

  it('the tombstones of a purge reach CLOCK_SKEW_MS past the search for the tags, however long that takes', async () => {
    const { clock, ctx, key, digest } = setup();
    const server = createScriptedServer({ forward: ADDRESS.url });
    const tags = inRedis({ ...ADDRESS, url: server.url });
    await tags.set(ctx, key, { digest, verifiedAt: clock.now() });
    const purging = tags.purge(ctx, [key.name]);
    clock.advance(900);
    // Other tests fill the same database, so the tag may be on a later page.
    for (let { cursor } = await purging; cursor !== undefined; ) {
      ({ cursor } = await tags.purge(ctx, [key.name], cursor));
    }
    await tags.set(ctx, key, { digest, verifiedAt: clock.now() + CLOCK_SKEW_MS });
    expect(await tags.get(ctx, key)).toBeUndefined();
  });

  it('keeps the tombstone of a pushed tag for as long as a mirror could still set an older pointer', async () => {
    const { name, tagPath } = await pushManifest();
    const closed = createEdge({ ...REDIS, TAG_TTL: '10s', STALE_IF_ERROR: '1h', ORIGIN_TIMEOUT: '30s' });
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
    expect((await closed.fetch(tagPath, { method: 'PUT', body: uniqueManifest(), headers })).status).toBe(201);
    // The origin may take ORIGIN_TIMEOUT to answer a request that was sent before the push.
    expect(await redis.pttl(`registry-edge::tags::${name}::latest`)).toBeGreaterThan(30_000);
  });
});

describe('tagItem', () => {
  /** Stores manifests by digest in place of a cache, and records the `known` argument of every set. */
  function setupItem() {
    const { clock, ctx, key } = setup();
    const manifests = new Map<Digest, Entry>();
    const known: [Digest, Entry | undefined][] = [];
    const manifestOf = (digest: Digest): CacheItem => ({
      stat: async () => manifests.get(digest),
      async set(_ctx, entry, stored) {
        known.push([digest, stored]);
        manifests.set(digest, entry);
        return true;
      },
      clear: async () => void manifests.delete(digest),
    });
    const tags = memory();
    return { clock, ctx, key, tags, manifests, known, item: () => tagItem(key, tags, manifestOf) };
  }

  it('returns the manifest with the time of the pointer, as long as the manifest has an entry', async () => {
    const { clock, ctx, item, manifests } = setupItem();
    const entry = entryFor(uniqueDigest(), clock.now());
    expect(await item().stat(ctx)).toBeUndefined();
    await item().set(ctx, entry, undefined);
    manifests.set(entry.descriptor.digest, { ...entry, verifiedAt: 7 });
    expect(await item().stat(ctx)).toEqual(entry);
    manifests.clear();
    expect(await item().stat(ctx)).toBeUndefined();
  });

  it('passes the stored entry to the manifest’s set, also if the tag moves to another stored manifest', async () => {
    const { clock, ctx, item, manifests, known } = setupItem();
    const [one, other] = [entryFor(uniqueDigest(), 5), entryFor(uniqueDigest(), 6)];
    manifests.set(one.descriptor.digest, one);
    manifests.set(other.descriptor.digest, other);
    const first = item();
    await first.stat(ctx);
    await first.set(ctx, { ...one, verifiedAt: clock.now() }, undefined);
    const second = item();
    const found = await second.stat(ctx);
    await second.set(ctx, { ...other, verifiedAt: clock.now() }, found);
    expect(known).toEqual([
      [one.descriptor.digest, one],
      [other.descriptor.digest, other],
    ]);
  });

  it('clears the tag, and not the manifest', async () => {
    const { clock, ctx, item, manifests, tags, key } = setupItem();
    await item().set(ctx, entryFor(uniqueDigest(), clock.now()), undefined);
    await item().clear(ctx, clock.now());
    expect([manifests.size, await tags.get(ctx, key), await item().stat(ctx)]).toEqual([1, undefined, undefined]);
  });
});
