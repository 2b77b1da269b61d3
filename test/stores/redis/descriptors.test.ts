import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { ADDRESS, fieldsOf, NO_REDIS, redis } from '../../support/redisStore.ts';
import { openRedis } from '../../support/stores.ts';

const HOUR_SECONDS = 3_600;
const create = (at = ADDRESS) => openRedis({ retentionMs: HOUR_SECONDS * 1000 }, at).descriptors;

describe.skipIf(NO_REDIS)('createRedisDescriptors', () => {
  const setup = () => {
    const name = parseRepositoryName(uniqueName());
    const digest = uniqueDigest();
    const keys = {
      members: `repository::${name}::blobs`,
      global: `blobs::${digest}`,
      scoped: `repository::${name}::blobs::${digest}`,
    };
    const ctx = contextOf(createClock(Date.now()));
    return { ctx, digest, keys, scoped: create().repositoryScoped(name, 'blobs') };
  };
  /** Writes an entry as `distribution` does. */
  const writeAsRegistry = async (keys: ReturnType<typeof setup>['keys'], digest: Digest) => {
    await redis.sadd(keys.members, digest);
    await redis.hset(keys.global, { digest, size: 10, mediatype: 'application/octet-stream' });
    await redis.hset(keys.scoped, { mediatype: 'application/json' });
  };

  it("writes distribution's keys and fields, adds the edge's own, and lets them expire", async () => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, 1_700_000_000_000, { size: 7, mediaType: 'a/b' }));
    expect(await redis.smembers(keys.members)).toEqual([digest]);
    expect(await fieldsOf(keys.global)).toEqual({ digest, size: '7', mediatype: 'a/b' });
    expect(await fieldsOf(keys.scoped)).toEqual({ mediatype: 'a/b', verified: '1700000000000' });
    expect(await redis.ttl(keys.global)).toBeGreaterThan(HOUR_SECONDS - 10);
    expect(await redis.ttl(keys.scoped)).toBeGreaterThan(HOUR_SECONDS - 10);
    expect(await redis.ttl(keys.members)).toBeGreaterThan(24 * HOUR_SECONDS - 10);
  });

  it('keeps the global media type of the first writer', async () => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { mediaType: 'application/octet-stream' }));
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now(), { mediaType: 'application/json' }));
    expect(await redis.hget(keys.global, 'mediatype')).toBe('application/octet-stream');
    expect(await redis.hget(keys.scoped, 'mediatype')).toBe('application/json');
  });

  it('lets a membership set live four times as long as the entries, where that is more than a day', async () => {
    const { ctx, digest, keys } = setup();
    const retentionMs = 24 * HOUR_SECONDS * 1_000;
    const { descriptors } = openRedis({ retentionMs });
    const name = parseRepositoryName(keys.members.split('::')[1] ?? '');
    await descriptors.repositoryScoped(name, 'blobs').setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await redis.ttl(keys.members)).toBeGreaterThan(4 * 24 * HOUR_SECONDS - 10);
  });

  it('does not prolong the life of a membership set', async () => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await redis.expire(keys.members, 100);
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    expect(await redis.ttl(keys.members)).toBeLessThanOrEqual(100);
  });

  it('reads the entry of a registry as never confirmed', async () => {
    const { ctx, digest, keys, scoped } = setup();
    await writeAsRegistry(keys, digest);
    expect(await scoped.stat(ctx, digest)).toEqual(entryFor(digest, 0, { size: 10, mediaType: 'application/json' }));
  });

  it('uses the global media type if the override is empty', async () => {
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
  ])('misses an incomplete entry: without %s', async (_what, remove) => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await remove(keys as { members: string; global: string; scoped: string }, digest);
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
  });

  it.each([
    ['a fractional size', { size: '12.5' }, {}],
    ['a size that is not a number', { size: 'large' }, {}],
    ['a negative size', { size: '-1' }, {}],
    ['a digest of another blob', { digest: `sha256:${'0'.repeat(64)}` }, {}],
    ['a malformed digest', { digest: 'sha256:short' }, {}],
    ['a media type with a line break', {}, { mediatype: 'text/plain\r\nx-evil: 1' }],
    ['a malformed time', {}, { verified: 'yesterday' }],
    ['a malformed tombstone', {}, { cleared: 'x' }],
  ])('reports a malformed record as a fault: %s', async (_what, global, own) => {
    const { ctx, digest, keys, scoped } = setup();
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    if (Object.keys(global).length > 0) await redis.hset(keys.global, global);
    if (Object.keys(own).length > 0) await redis.hset(keys.scoped, own);
    await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });

  it.each(['members', 'global', 'scoped'] as const)('reports a key of another type as a fault: %s', async (which) => {
    const { ctx, digest, keys, scoped } = setup();
    await redis.set(keys[which], 'text');
    await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });

  describe('the witness of a manifest, after a version that does not know `told` wrote the media type', () => {
    const GET_ALONE = { witness: 'GET' } as const;
    const typeAndWitness = (entry: Entry | undefined) => [entry?.descriptor.mediaType, entry?.witness];

    it.each([
      ['GET alone, and the type is the same', GET_ALONE, 'text/a', 'GET'],
      ['HEAD alone, and the type is the same', { witness: 'HEAD' }, 'text/a', 'HEAD'],
      ['both, and the type is the same', {}, 'text/a', undefined],
      ['GET alone, and the type differs', GET_ALONE, 'text/b', 'HEAD'],
      ['HEAD alone, and the type differs', { witness: 'HEAD' }, 'text/b', 'HEAD'],
      ['both, and the type differs', {}, 'text/b', 'HEAD'],
    ] as const)('that was confirmed by %s', async (_what, witness, mediatype, expected) => {
      const { ctx, digest } = setup();
      const name = parseRepositoryName(uniqueName());
      const scoped = create().repositoryScoped(name, 'manifests');
      const entry = entryFor(digest, ctx.now(), { mediaType: 'text/a' });
      await scoped.setDescriptor(ctx, digest, { ...entry, ...witness });
      await redis.hset(`repository::${name}::manifests::${digest}`, { mediatype, verified: ctx.now() });
      expect(typeAndWitness(await scoped.stat(ctx, digest))).toEqual([mediatype, expected]);
    });

    it('is removed by a clear', async () => {
      const { ctx, digest } = setup();
      const name = parseRepositoryName(uniqueName());
      const scoped = create().repositoryScoped(name, 'manifests');
      const key = `repository::${name}::manifests::${digest}`;
      await scoped.setDescriptor(ctx, digest, {
        ...entryFor(digest, ctx.now(), { mediaType: 'text/a' }),
        ...GET_ALONE,
      });
      await scoped.clear(ctx, digest);
      expect(Object.keys(await fieldsOf(key))).toEqual(['cleared']);
    });

    it('counts as it is if there is no field `toldtype`', async () => {
      const { ctx, digest } = setup();
      const name = parseRepositoryName(uniqueName());
      const scoped = create().repositoryScoped(name, 'manifests');
      await scoped.setDescriptor(ctx, digest, {
        ...entryFor(digest, ctx.now(), { mediaType: 'text/a' }),
        ...GET_ALONE,
      });
      await redis.hdel(`repository::${name}::manifests::${digest}`, 'toldtype');
      expect(typeAndWitness(await scoped.stat(ctx, digest))).toEqual(['text/a', 'GET']);
    });
  });

  it('reports a rejected token as a fault', async () => {
    const { ctx, digest } = setup();
    const scoped = create({ ...ADDRESS, token: 'wrong' }).repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
    await expect(scoped.stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });
});
