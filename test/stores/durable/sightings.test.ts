import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import { RepositoryObject } from '../../../src/stores/durable/object.ts';
import type { HistoryTerms } from '../../../src/stores/tagHistory.ts';
import { type Clock, createClock } from '../../support/context.ts';
import { uniqueDigest } from '../../support/digests.ts';
import { keysOf, objectOf, read, storedIn, TERMS, type TestObject, upTo, write } from '../../support/testObject.ts';

const DAY_MS = 86_400_000;
const HISTORY: HistoryTerms = { forMs: 3 * DAY_MS };

let clock: Clock;
beforeEach(() => {
  clock = createClock(Date.UTC(2026, 0, 1));
});

/** Notes that a tag leads to a digest now. */
const see = (object: TestObject, digest = uniqueDigest(), tag = 'latest') =>
  object.see(HISTORY, tag, { digest, at: clock.now() });
const digestsOf = (history: readonly { digest: string }[]) => history.map(({ digest }) => digest);
/** Counts the rows that a piece of work wrote. */
async function writesOf(object: TestObject, work: () => Promise<unknown>): Promise<number> {
  const total = () =>
    runInDurableObject(
      object,
      async (_instance, { storage }) => storage.sql.exec('SELECT total_changes() AS n').one().n,
    );
  const before = Number(await total());
  await work();
  return Number(await total()) - before;
}

describe('the history of a tag', () => {
  it('has first and last sights by the object’s own clock, and what was seen last first', async () => {
    const object = objectOf();
    const [one, other] = [uniqueDigest(), uniqueDigest()];
    const begin = clock.now();
    await object.see(HISTORY, 'latest', { digest: one, at: begin - DAY_MS });
    clock.advance(DAY_MS);
    await object.see(HISTORY, 'latest', { digest: one, at: clock.now() + DAY_MS });
    clock.advance(1);
    const history = await see(object, other);
    expect(history).toMatchObject([
      { digest: other, firstSeen: begin + DAY_MS + 1, heldMs: 0, isFirst: false },
      { digest: one, firstSeen: begin, lastSeen: begin + DAY_MS, heldMs: DAY_MS, isFirst: true },
    ]);
    expect(await object.readSightings({ tag: 'latest' })).toEqual(history);
    expect(await object.readSightings({ tag: 'other' })).toEqual([]);
  });

  it('ignores a sight that is older than what was seen since', async () => {
    const object = objectOf();
    const [old, current] = [uniqueDigest(), uniqueDigest()];
    const at = clock.now();
    await see(object, old);
    clock.advance(1_000);
    await see(object, current);
    clock.advance(1_000);
    await object.see(HISTORY, 'latest', { digest: old, at });
    expect(digestsOf(await object.readSightings({ tag: 'latest' }))).toEqual([current, old]);
  });

  it('begins anew where the tag comes back, and forgets not for how long it was held', async () => {
    const object = objectOf();
    const [old, other] = [uniqueDigest(), uniqueDigest()];
    await see(object, old);
    clock.advance(DAY_MS);
    await see(object, old);
    clock.advance(DAY_MS);
    await see(object, other);
    clock.advance(DAY_MS);
    const [again] = await see(object, old);
    expect(again).toMatchObject({
      digest: old,
      firstSeen: clock.now() - 3 * DAY_MS,
      since: clock.now(),
      heldMs: DAY_MS,
    });
  });

  it('is bounded, and keeps what counts', async () => {
    const object = objectOf();
    const first = uniqueDigest();
    await see(object, first);
    const held = uniqueDigest();
    clock.advance(1);
    await see(object, held);
    clock.advance(3 * DAY_MS);
    await see(object, held);
    for (let n = 0; n < 100; n++) {
      clock.advance(1);
      await see(object);
    }
    const history = await object.readSightings({ tag: 'latest' });
    expect([history.length, ...digestsOf(history).slice(-2)]).toEqual([22, held, first]);
  });

  it('is bounded where everything counts, too', async () => {
    const object = objectOf();
    for (let n = 0; n < 50; n++) {
      clock.advance(1);
      await object.release(HISTORY, 'latest', uniqueDigest());
    }
    expect((await object.readSightings({ tag: 'latest' })).length).toBe(20);
  });

  it('writes no row where nothing is new, and one where something is', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await see(object, digest);
    const again = (ms: number) => {
      clock.advance(ms);
      return writesOf(object, () => see(object, digest));
    };
    expect([await again(1), await again(59_000), await again(2_000)]).toEqual([0, 0, 1]);
    clock.advance(3 * DAY_MS - 61_001 - 30_000);
    await see(object, digest);
    expect([await again(29_000), await again(1_000), await again(1_000)]).toEqual([0, 1, 0]);
  });

  it('survives a purge, and an object that begins again', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await see(object, digest);
    await object.clear([['allTags', TERMS, upTo(clock.now())]]);
    const again = await runInDurableObject(object, (_instance, state) =>
      new RepositoryObject(state, {} as never).readSightings({ digest }),
    );
    expect(digestsOf(again)).toEqual([digest]);
  });

  it('ends after two months without a sight, and the object with it', async () => {
    const object = objectOf();
    await see(object);
    clock.advance(63 * DAY_MS + 1);
    expect(await object.readSightings({ tag: 'latest' })).toEqual([]);
    await runInDurableObject(object, (instance) => (instance as unknown as RepositoryObject).alarm());
    expect(await storedIn(object)).toEqual({ rows: 0, hasAlarm: false });
    expect((await see(object))[0]?.isFirst).toBe(true);
  });

  it('does not end for what counts as long as the tag moves', async () => {
    const object = objectOf();
    const first = uniqueDigest();
    await see(object, first);
    for (let month = 0; month < 6; month++) {
      clock.advance(30 * DAY_MS);
      await see(object);
    }
    expect(digestsOf(await object.readSightings({ tag: 'latest' }))).toContain(first);
  });

  it('of a digest has all tags', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    await see(object, digest, 'latest');
    await see(object, digest, 'v1');
    await see(object, uniqueDigest(), 'v2');
    expect((await object.readSightings({ digest })).length).toBe(2);
  });
});

describe('a release', () => {
  it('of a digest that was never seen is no first sight of the tag', async () => {
    const object = objectOf();
    const [released, seen] = [uniqueDigest(), uniqueDigest()];
    await object.release(HISTORY, 'latest', released);
    expect(await see(object, seen)).toMatchObject([
      { digest: seen, isFirst: true },
      { digest: released, firstSeen: 0, isFirst: false, releasedAt: clock.now() },
    ]);
    clock.advance(1);
    expect((await see(object, released))[0]).toMatchObject({ digest: released, firstSeen: clock.now(), heldMs: 0 });
  });

  it('leaves what was seen of the digest', async () => {
    const object = objectOf();
    const digest = uniqueDigest();
    const [before] = await see(object, digest);
    clock.advance(5);
    await object.release(HISTORY, 'latest', digest);
    expect(await object.readSightings({ tag: 'latest' })).toEqual([{ ...before, releasedAt: clock.now() }]);
  });
});

describe('an object that an earlier version wrote', () => {
  it('keeps its entries and tombstones, and gets the tables that it lacks', async () => {
    const object = objectOf();
    const [digest, deleted] = [uniqueDigest(), uniqueDigest()];
    await write(object, digest, clock.now());
    await object.clear([['mark', keysOf(deleted), upTo(clock.now())]]);
    await object.clear([['tags', TERMS, ['latest'], upTo(clock.now())]]);
    await runInDurableObject(object, async (_instance, state) => {
      state.storage.sql.exec('DROP TABLE sightings');
      const renewed = new RepositoryObject(state, {} as never);
      expect(await renewed.readSightings({ tag: 'latest' })).toEqual([]);
      const pointers = await renewed.readPointers(TERMS, [{ tag: 'latest', variant: '' }]);
      expect(pointers.rows[0]?.clearedUntil).toBe(clock.now());
      expect((await renewed.see(HISTORY, 'latest', { digest, at: clock.now() })).length).toBe(1);
    });
    expect((await read(object, digest))?.entry?.descriptor.digest).toBe(digest);
    expect((await read(object, deleted))?.clearedUntil).toBe(clock.now());
  });
});
