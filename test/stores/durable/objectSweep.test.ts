import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RepositoryObject } from '../../../src/stores/durable/object.ts';
import type { Call, Clears } from '../../../src/stores/durable/rpc.ts';
import { type Clock, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest } from '../../support/digests.ts';

import { keysOf, LIFE_MS, objectOf, read, storedIn, TERMS, upTo, write } from '../../support/testObject.ts';

let clock: Clock;
beforeEach(() => {
  clock = createClock(Date.now());
});

describe('what is left behind', () => {
  it('removes what expired and, when it is empty, itself and its alarm', async () => {
    const object = objectOf();
    const [short, long] = [uniqueDigest(), uniqueDigest()];
    await write(object, short, clock.now(), undefined, { ...TERMS, lifeMs: 0 });
    await write(object, long, clock.now());
    await object.clear([['tags', { ...TERMS, lifeMs: 0 }, ['latest'], upTo(clock.now())]]);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
    clock.advance(LIFE_MS);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    // It works on, as a new one.
    await write(object, long, clock.now());
    expect(await read(object, long)).toMatchObject({ entry: { descriptor: { digest: long } } });
  });

  it.each<[string, Call<Clears>[]]>([
    ['of a tag', [['tags', TERMS, ['latest'], upTo(Number.MAX_SAFE_INTEGER)]]],
    ['of all tags', [['allTags', TERMS, upTo(Number.MAX_SAFE_INTEGER)]]],
  ])('keeps the tombstone %s for as long as it is of use', async (_what, calls) => {
    const object = objectOf();
    await object.clear(calls);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    const { rows } = await object.readPointers(TERMS, [{ tag: 'latest', variant: '' }]);
    expect(rows[0]?.clearedUntil).toBe(Number.MAX_SAFE_INTEGER);
    clock.advance(LIFE_MS);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  it('does not sweep before its time', async () => {
    const object = objectOf();
    const alarmOf = () => runInDurableObject(object, (_instance, { storage }) => storage.getAlarm());
    await write(object, uniqueDigest(), clock.now());
    expect(await alarmOf()).toBeGreaterThan(clock.now() + LIFE_MS);
    await runDurableObjectAlarm(object);
    expect(await alarmOf()).toBeGreaterThan(clock.now() + LIFE_MS);
  });

  it('ends an alarm quietly whose object was ended before it had tables', async () => {
    const object = objectOf();
    await runInDurableObject(object, (_instance, { storage }) => storage.setAlarm(clock.now() + LIFE_MS));
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  it('knows its entries and its tombstones after a restart', async () => {
    const object = objectOf();
    const [kept, cleared] = [uniqueDigest(), uniqueDigest()];
    const now = clock.now();
    await write(object, kept, now);
    await object.clear([['tags', TERMS, ['latest'], upTo(now + 5_000)]]);
    await object.clear([['mark', keysOf(cleared), upTo(now + 5_000)]]);
    await evictDurableObject(object);
    expect(await read(object, kept)).toMatchObject({ entry: { verifiedAt: now } });
    expect(await read(object, cleared)).toEqual({ entry: undefined, clearedUntil: now + 5_000 });
    const { rows } = await object.readPointers(TERMS, [{ tag: 'latest', variant: '' }]);
    expect(rows).toEqual([{ pointer: undefined, clearedUntil: now + 5_000, manifest: undefined }]);
  });

  it('finds its alarm again after the platform gave it up', async () => {
    const object = objectOf();
    await write(object, uniqueDigest(), Date.now());
    await runInDurableObject(object, (_instance, { storage }) => storage.deleteAlarm());
    await evictDurableObject(object);
    await write(object, uniqueDigest(), Date.now());
    expect(await storedIn(object)).toEqual({ rows: 2, hasAlarm: true });
  });

  it('a restart does not put off the alarm', async () => {
    const object = objectOf();
    const alarmOf = () => runInDurableObject(object, (_instance, { storage }) => storage.getAlarm());
    await write(object, uniqueDigest(), Date.now());
    const alarm = await alarmOf();
    await evictDurableObject(object);
    clock.advance(1_000);
    await write(object, uniqueDigest(), Date.now());
    expect(await alarmOf()).toBe(alarm);
  });

  it('stores nothing if the alarm cannot be set, and tries again', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await runInDurableObject(object, async (instance, { storage }) => {
      const call = ['entry', keysOf(digest), { value: entryFor(digest, Date.now()) }] as const;
      Object.defineProperty(storage, 'setAlarm', { value: () => Promise.reject(new Error('no')), configurable: true });
      await expect((instance as RepositoryObject).write([call])).rejects.toThrow('no');
      Reflect.deleteProperty(storage, 'setAlarm');
    });
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    await write(object, digest, Date.now());
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it('a write during which the object deletes itself has tables and an alarm', async () => {
    const object = objectOf();
    await write(object, uniqueDigest(), Date.now(), undefined, { ...TERMS, lifeMs: 0 });
    await evictDurableObject(object);
    const digest = uniqueDigest();
    await runInDurableObject(object, async (instance, { storage }) => {
      const getAlarm = storage.getAlarm.bind(storage);
      const sweepAfterwards = async () => {
        const found = await getAlarm();
        Reflect.deleteProperty(storage, 'getAlarm');
        await (instance as RepositoryObject).alarm();
        return found;
      };
      Object.defineProperty(storage, 'getAlarm', { value: sweepAfterwards, configurable: true });
      await (instance as RepositoryObject).write([['entry', keysOf(digest), { value: entryFor(digest, Date.now()) }]]);
    });
    expect(await storedIn(object)).toEqual({ rows: 1, hasAlarm: true });
  });

  it('an alarm that was set before anything was stored is no failure', async () => {
    const object = objectOf();
    await runInDurableObject(object, (_instance, { storage }) => storage.setAlarm(Date.now() + LIFE_MS));
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
  });

  it('a transaction that failed leaves no tombstone, neither in SQL nor in memory', async () => {
    const object = objectOf();
    const key = { tag: 'latest', variant: '' };
    const pointer = { digest: uniqueDigest(), verifiedAt: Date.now() };
    await object.write([['pointer', TERMS, key, { value: pointer }]]);
    const clears = [['tags', TERMS, ['latest'], upTo(Date.now() + 5_000)], ['unknown']] as unknown as Call<Clears>[];
    await runInDurableObject(object, async (instance) => {
      await expect((instance as RepositoryObject).clear(clears)).rejects.toThrow();
    });
    const { rows } = await object.readPointers(TERMS, [key]);
    expect(rows).toMatchObject([{ pointer, clearedUntil: 0 }]);
  });
});
