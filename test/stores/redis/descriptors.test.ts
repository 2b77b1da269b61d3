import { describe, expect, it } from 'vitest';
import { createProvider } from '../../../src/cache/descriptors.ts';
import type { Entry } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { createRedis } from '../../../src/stores/redis/client.ts';
import { createRedisDescriptors } from '../../../src/stores/redis/descriptors.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, someDigest, someName } from '../../support/digests.ts';
import { ADDRESS, fieldsOf, NO_REDIS, redis } from '../../support/redisStore.ts';

const HOUR_SECONDS = 3_600;
const create = (at = ADDRESS) =>
  createProvider(createRedisDescriptors(createRedis(at), { retentionMs: HOUR_SECONDS * 1000, isOpen: false }));

describe.skipIf(NO_REDIS)('createRedisDescriptors', () => {
  const setup = () => {
    const name = parseRepositoryName(someName());
    const digest = someDigest();
    const keys = {
      members: `repository::${name}::blobs`,
      global: `blobs::${digest}`,
      scoped: `repository::${name}::blobs::${digest}`,
    };
    const ctx = contextOf(createClock(Date.now()));
    return { ctx, digest, keys, scoped: create().repositoryScoped(name, 'blobs') };
  };
  /** As `distribution` writes an entry. */
  const writeAsRegistry = async (keys: ReturnType<typeof setup>['keys'], digest: Digest) => {
    await redis.sadd(keys.members, digest);
    await redis.hset(keys.global, { digest, size: 10, mediatype: 'application/octet-stream' });
    await redis.hset(keys.scoped, { mediatype: 'application/json' });
  };

  it("writes distribution's keys and fields, ours beside them, and lets them expire", async () => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, 1_700_000_000_000, { size: 7, mediaType: 'a/b' }));
    expect(await redis.smembers(keys.members)).toEqual([digest]);
    expect(await fieldsOf(keys.global)).toEqual({ digest, size: '7', mediatype: 'a/b' });
    expect(await fieldsOf(keys.scoped)).toEqual({ mediatype: 'a/b', verified: '1700000000000' });
    expect(await redis.ttl(keys.global)).toBeGreaterThan(HOUR_SECONDS - 10);
    expect(await redis.ttl(keys.scoped)).toBeGreaterThan(HOUR_SECONDS - 10);
    expect(await redis.ttl(keys.members)).toBeGreaterThan(24 * HOUR_SECONDS - 10);
  });

  it('leaves the global media type to the first writer', async () => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { mediaType: 'application/octet-stream' }));
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { mediaType: 'application/json' }));
    expect(await redis.hget(keys.global, 'mediatype')).toBe('application/octet-stream');
    expect(await redis.hget(keys.scoped, 'mediatype')).toBe('application/json');
  });

  it('does not prolong the life of a membership set that is in use', async () => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await redis.expire(keys.members, 100);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await redis.ttl(keys.members)).toBeLessThanOrEqual(100);
  });

  it('reads what a registry wrote, as confirmed by nobody', async () => {
    const { ctx, digest, keys, scoped } = setup();
    await writeAsRegistry(keys, digest);
    expect(await scoped.stat(ctx, digest)).toEqual(entryFor(digest, 0, { size: 10, mediaType: 'application/json' }));
  });

  it('keeps the global media type where the override is empty', async () => {
    const { ctx, digest, keys, scoped } = setup();
    await writeAsRegistry(keys, digest);
    await redis.hset(keys.scoped, { mediatype: '' });
    expect((await scoped.stat(ctx, digest))?.descriptor.mediaType).toBe('application/octet-stream');
  });

  it.each([
    ['the membership', (keys: { members: string }, digest: Digest) => redis.srem(keys.members, digest)],
    ['the global hash', (keys: { global: string }) => redis.del(keys.global)],
    ['the global size', (keys: { global: string }) => redis.hdel(keys.global, 'size')],
    ['the global digest', (keys: { global: string }) => redis.hdel(keys.global, 'digest')],
    ['the override', (keys: { scoped: string }) => redis.hdel(keys.scoped, 'mediatype')],
  ])('misses an entry that is half gone: without %s', async (_what, remove) => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await remove(keys as { members: string; global: string; scoped: string }, digest);
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
  });

  it.each([
    ['a size that is no integer', { size: '12.5' }, {}],
    ['a size that is no number', { size: 'large' }, {}],
    ['a negative size', { size: '-1' }, {}],
    ['a digest of another blob', { digest: `sha256:${'0'.repeat(64)}` }, {}],
    ['a digest that is none', { digest: 'sha256:short' }, {}],
    ['a media type with a line break', {}, { mediatype: 'text/plain\r\nx-evil: 1' }],
    ['a time that is none', {}, { verified: 'yesterday' }],
    ['a tombstone that is no time', {}, { cleared: 'x' }],
  ])('takes rubbish in the store for a fault: %s', async (_what, global, own) => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    if (Object.keys(global).length > 0) await redis.hset(keys.global, global);
    if (Object.keys(own).length > 0) await redis.hset(keys.scoped, own);
    await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });

  it.each(['members', 'global', 'scoped'] as const)('takes a key of another type for a fault: %s', async (which) => {
    const { ctx, digest, keys, scoped } = setup();
    await redis.set(keys[which], 'text');
    await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });

  describe('a manifest of which a build that knows no `told` writes the media type alone', () => {
    const GET_ALONE = { witness: 'GET' } as const;
    const told = (entry: Entry | undefined) => [entry?.descriptor.mediaType, entry?.witness];

    it.each([
      ['by a GET alone', GET_ALONE, 'text/a', 'GET'],
      ['by a HEAD alone', { witness: 'HEAD' }, 'text/a', 'HEAD'],
      ['by both', {}, 'text/a', undefined],
      ['by a GET alone, and then another', GET_ALONE, 'text/b', 'HEAD'],
      ['by a HEAD alone, and then another', { witness: 'HEAD' }, 'text/b', 'HEAD'],
      ['by both, and then another', {}, 'text/b', 'HEAD'],
    ] as const)('one that was told %s', async (_what, by, mediatype, expected) => {
      const { ctx, digest } = setup();
      const name = parseRepositoryName(someName());
      const scoped = create().repositoryScoped(name, 'manifests');
      const entry = entryFor(digest, ctx.now(), { mediaType: 'text/a' });
      await scoped.setDescriptor(ctx, digest, { ...entry, ...by });
      await redis.hset(`repository::${name}::manifests::${digest}`, { mediatype, verified: ctx.now() });
      expect(told(await scoped.stat(ctx, digest))).toEqual([mediatype, expected]);
    });

    it('after it was cleared', async () => {
      const { ctx, digest } = setup();
      const name = parseRepositoryName(someName());
      const scoped = create().repositoryScoped(name, 'manifests');
      const key = `repository::${name}::manifests::${digest}`;
      await scoped.setDescriptor(ctx, digest, {
        ...entryFor(digest, ctx.now(), { mediaType: 'text/a' }),
        ...GET_ALONE,
      });
      await scoped.clear(ctx, digest);
      expect(Object.keys(await fieldsOf(key))).toEqual(['cleared']);
    });

    it('of one that a build wrote which says of no type who told it: as it says', async () => {
      const { ctx, digest } = setup();
      const name = parseRepositoryName(someName());
      const scoped = create().repositoryScoped(name, 'manifests');
      await scoped.setDescriptor(ctx, digest, {
        ...entryFor(digest, ctx.now(), { mediaType: 'text/a' }),
        ...GET_ALONE,
      });
      await redis.hdel(`repository::${name}::manifests::${digest}`, 'toldtype');
      expect(told(await scoped.stat(ctx, digest))).toEqual(['text/a', 'GET']);
    });
  });

  it('takes a refused token for a fault', async () => {
    const { ctx, digest } = setup();
    const scoped = create({ ...ADDRESS, token: 'wrong' }).repositoryScoped(parseRepositoryName(someName()), 'blobs');
    await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });
});
