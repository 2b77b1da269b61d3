import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../support/digests.ts';
import { NO_REDIS, redis } from '../support/redisStore.ts';
import { openKv, openRedis } from '../support/stores.ts';
import { LIFE_MS, objectOf, read, storedIn, write } from '../support/testObject.ts';

/** What docs/deploying.md says of a roll-back: an earlier version meets what a later one has written. */
describe('what a later version added to a store', () => {
  it('is left alone in an object, and goes with it when nothing else is left', async () => {
    const clock = createClock(Date.now());
    const object = objectOf();
    const digest = uniqueDigest();
    await write(object, digest, clock.now());
    await runInDurableObject(object, (_instance, { storage }) => {
      storage.sql.exec('CREATE TABLE later (what TEXT)');
      storage.sql.exec("INSERT INTO later VALUES ('something')");
    });
    await evictDurableObject(object);
    expect((await read(object, digest))?.entry?.descriptor.digest).toBe(digest);
    await runDurableObjectAlarm(object);
    expect((await storedIn(object)).rows).toBe(2);
    clock.advance(LIFE_MS);
    await runDurableObjectAlarm(object);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  const setup = () => {
    const [name, digest] = [parseRepositoryName(uniqueName()), uniqueDigest()];
    const ctx = contextOf(createClock(Date.now()));
    return { ctx, name, digest, entry: entryFor(digest, ctx.now()) };
  };

  it.skipIf(NO_REDIS)('is ignored in a hash of Redis', async () => {
    const { ctx, name, digest, entry } = setup();
    const scoped = openRedis().descriptors.repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, digest, entry);
    for (const key of [`blobs::${digest}`, `repository::${name}::blobs::${digest}`])
      expect(await redis.hset(key, { later: 'something' })).toBe(1);
    expect(await scoped.stat(ctx, digest)).toEqual(entry);
  });

  it('is ignored in a value of KV', async () => {
    const { ctx, name, digest, entry } = setup();
    const value = { ...entry.descriptor, verifiedAt: entry.verifiedAt, later: 'something' };
    await env.DESCRIPTORS.put(`blobs::${name}::${digest}`, JSON.stringify(value));
    expect(await openKv().descriptors.repositoryScoped(name, 'blobs').stat(ctx, digest)).toEqual(entry);
  });
});
