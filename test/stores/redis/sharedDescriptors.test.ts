import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CLOCK_SKEW_MS } from '../../../src/stores/tombstone.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { type Pushed, pushBlob } from '../../support/push.ts';
import { ADDRESS, fieldsOf, NO_REDIS, REDIS, redis, snapshot } from '../../support/redisStore.ts';
import { openRedis } from '../../support/stores.ts';

const HEAD = { method: 'HEAD' };

function setup() {
  const name = parseRepositoryName(uniqueName());
  const digest = uniqueDigest();
  const clock = createClock(Date.now());
  const { descriptors: provider } = openRedis({}, ADDRESS, true);
  return { name, digest, clock, ctx: contextOf(clock), provider, scoped: provider.repositoryScoped(name, 'blobs') };
}

/** Writes an entry as a registry does. */
async function registryWrites(name: string, digest: Digest, size = 10): Promise<void> {
  await redis.sadd(`repository::${name}::blobs`, digest);
  await redis.hset(`blobs::${digest}`, { digest, size, mediatype: 'application/octet-stream' });
  await redis.hset(`repository::${name}::blobs::${digest}`, { mediatype: 'application/octet-stream' });
}
/** Clears an entry as a registry does since 3.1. */
async function registryClears(name: string, digest: Digest): Promise<void> {
  await redis
    .multi()
    .srem(`repository::${name}::blobs`, digest)
    .del(`repository::${name}::blobs::${digest}`)
    .hdel(`blobs::${digest}`, 'digest', 'size', 'mediatype')
    .exec();
}

describe.skipIf(NO_REDIS)('createRedisDescriptors, shared with a registry', () => {
  it("reads the registry's entry as never confirmed, until the edge confirms it", async () => {
    const { name, digest, ctx, scoped } = setup();
    await registryWrites(name, digest);
    expect(await scoped.stat(ctx, digest)).toEqual(entryFor(digest, 0, { size: 10 }));
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { size: 10 }));
    expect(await scoped.stat(ctx, digest)).toEqual(entryFor(digest, ctx.now(), { size: 10 }));
  });

  it("sets no key of the registry's and lets none expire", async () => {
    const { name, digest, ctx, scoped } = setup();
    await registryWrites(name, digest);
    const before = await snapshot(name, `blobs::${digest}`);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { size: 99, mediaType: 'a/b' }));
    const { [`registry-edge::${name}::blobs::${digest}`]: own, ...after } = await snapshot(name, `blobs::${digest}`);
    expect(after).toEqual(before);
    expect(own).toEqual({ verified: String(ctx.now()) });
    for (const key of Object.keys(before)) expect(await redis.ttl(key)).toBe(-1);
    expect(await redis.ttl(`registry-edge::${name}::blobs::${digest}`)).toBeGreaterThan(3_000);
  });

  it('ignores its own write if the registry has no entry', async () => {
    const { name, digest, ctx, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
    expect(Object.keys(await snapshot(name, `blobs::${digest}`))).toEqual([`registry-edge::${name}::blobs::${digest}`]);
  });

  it("sees the registry's clear at once, and no late write of the edge undoes it", async () => {
    const { name, digest, ctx, scoped } = setup();
    await registryWrites(name, digest);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await registryClears(name, digest);
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
    expect(await redis.sismember(`repository::${name}::blobs`, digest)).toBe(0);
  });

  it("clears the registry's keys as the registry does, and hides what was confirmed before", async () => {
    const { name, digest, ctx, clock, scoped } = setup();
    await registryWrites(name, digest);
    const before = entryFor(digest, ctx.now(), { size: 10 });
    await scoped.setDescriptor(ctx, digest, before);
    await scoped.clear(ctx, digest);
    expect(Object.keys(await snapshot(name, `blobs::${digest}`))).toEqual([`registry-edge::${name}::blobs::${digest}`]);
    expect(Object.keys(await fieldsOf(`registry-edge::${name}::blobs::${digest}`))).toEqual(['cleared']);
    await registryWrites(name, digest);
    await scoped.setDescriptor(ctx, digest, before);
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
    clock.advance(CLOCK_SKEW_MS + 1);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await scoped.stat(ctx, digest)).toBeDefined();
  });

  it('misses a member without a global hash, and emits that it is half cleared', async () => {
    const { name, digest, ctx, scoped } = setup();
    await registryWrites(name, digest);
    await redis.hdel(`blobs::${digest}`, 'digest', 'size', 'mediatype');
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
    expect(ctx.events.filter(({ kind }) => kind !== 'stat')).toEqual([{ kind: 'half-cleared' }]);
  });

  it('hides what is being deleted, in this repository or in all of them, and leaves the keys of the registry', async () => {
    const [one, all] = [setup(), setup()];
    for (const { name, digest, ctx, scoped } of [one, all]) {
      await registryWrites(name, digest);
      await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { size: 10 }));
    }
    await one.scoped.markDeleting(one.ctx, one.digest);
    await all.provider.unscoped?.('blobs').markDeleting(all.ctx, all.digest);
    for (const { name, digest, ctx, scoped } of [one, all]) {
      expect(await scoped.stat(ctx, digest)).toBeUndefined();
      expect(await redis.sismember(`repository::${name}::blobs`, digest)).toBe(1);
    }
  });

  it('clears the global record of the registry for all repositories', async () => {
    const { name, digest, ctx, provider, scoped } = setup();
    await registryWrites(name, digest);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { size: 10 }));
    const unscoped = provider.unscoped?.('blobs');
    expect(await unscoped?.stat(ctx, digest)).toEqual(entryFor(digest, 0, { size: 10 }));
    await unscoped?.clear(ctx, digest);
    expect(await redis.exists(`blobs::${digest}`)).toBe(0);
    await registryWrites(name, digest);
    // What the edge confirmed before the clear does not count.
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
  });

  it('repeats a clear that the registry undoes right after', async () => {
    const { name, digest, ctx, scoped } = setup();
    await registryWrites(name, digest);
    await scoped.clear(ctx, digest);
    await registryWrites(name, digest);
    await ctx.settled();
    expect(await redis.sismember(`repository::${name}::blobs`, digest)).toBe(0);
  });

  it('purges what the registry wrote', async () => {
    const { name, digest, ctx, scoped } = setup();
    await registryWrites(name, digest);
    expect((await scoped.purge(ctx)).removed).toEqual(new Set([digest]));
    expect(await redis.exists(`repository::${name}::blobs`)).toBe(0);
  });

  it('confirms an alias together with its canonical digest', async () => {
    const { name, digest, ctx, scoped } = setup();
    const alias = uniqueDigest('sha512');
    await scoped.setDescriptor(ctx, alias, entryFor(digest, ctx.now()));
    for (const one of [alias, digest]) {
      expect(await fieldsOf(`registry-edge::${name}::blobs::${one}`)).toEqual({ verified: String(ctx.now()) });
    }
  });

  it('belongs to the edge where keys have a prefix, of which the registry knows nothing', async () => {
    const { name, digest, ctx } = setup();
    const scoped = openRedis({ prefix: 'hub::' }, ADDRESS, true).descriptors.repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await scoped.stat(ctx, digest)).toEqual(entryFor(digest, ctx.now()));
  });

  it('stores manifests in keys of its own', async () => {
    const { digest, ctx, provider, name } = setup();
    const manifests = provider.repositoryScoped(name, 'manifests');
    await manifests.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await manifests.stat(ctx, digest)).toBeDefined();
    expect(await redis.exists(`manifests::${digest}`)).toBe(1);
  });
});

describe.skipIf(NO_REDIS)('HEAD of a blob with REDIS_SHARED=true', () => {
  const edge = () => createEdge({ ...REDIS, REDIS_SHARED: 'true' });
  const registryKnows = ({ name, digest, bytes }: Pushed) => registryWrites(name, digest, bytes.length);

  it('is a hit once the registry wrote its entry and the edge confirmed it', async () => {
    const blob = await pushBlob();
    const isolate = edge();
    await registryKnows(blob);
    expect(cacheStatusOf(await isolate.fetch(blob.path, HEAD))).toContain('unproven');
    expect(cacheStatusOf(await isolate.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=redis');
    expect(await blob.asked()).toBe(1);
  });

  it('asks the origin if the registry wrote no entry', async () => {
    const blob = await pushBlob();
    const isolate = edge();
    for (let n = 0; n < 3; n++) await isolate.fetch(blob.path, HEAD);
    expect(await blob.asked()).toBe(3);
  });

  it('completes a half-finished clear after the origin’s 404', async () => {
    const [other, cleared] = [await pushBlob(), uniqueDigest()];
    const isolate = edge();
    await isolate.fetch(other.path, HEAD);
    await registryWrites(other.name, cleared);
    await redis.hdel(`blobs::${cleared}`, 'digest', 'size', 'mediatype');
    expect((await isolate.fetch(`/v2/${other.name}/blobs/${cleared}`, HEAD)).status).toBe(404);
    expect(await redis.sismember(`repository::${other.name}::blobs`, cleared)).toBe(0);
    expect(await redis.exists(`repository::${other.name}::blobs::${cleared}`)).toBe(0);
  });
});
