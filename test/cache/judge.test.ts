import { describe, expect, it } from 'vitest';
import { judge, observeStat } from '../../src/cache/judge.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest } from '../support/digests.ts';

describe('judge', () => {
  const AT = 1_000_000;
  const value = entryFor(uniqueDigest(), AT);

  it.each([
    ['counts if there is no tombstone', 0, true, []],
    ['counts after its tombstone', AT - 1, true, [{ kind: 'tombstone', until: AT - 1 }]],
    ['does not count at its tombstone', AT, false, [{ kind: 'tombstone', until: AT }]],
  ])('emits the tombstone, and a value %s', (_what, clearedUntil, counts, events) => {
    const ctx = contextOf(createClock());
    expect(judge(ctx, { value, clearedUntil })).toBe(counts ? value : undefined);
    expect(ctx.events).toEqual(events);
  });

  it('emits the store’s own time, if it has one', () => {
    const ctx = contextOf(createClock());
    expect(judge(ctx, { value: undefined, clearedUntil: 0, lookedAt: 7 })).toBeUndefined();
    expect(ctx.events).toEqual([{ kind: 'look', at: 7 }]);
  });
});

describe('observeStat', () => {
  it('emits how long a look took', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const look = async () => {
      clock.advance(7);
      return 'found';
    };
    await observeStat(ctx, 'kv', look);
    expect(ctx.events).toEqual([{ kind: 'stat', store: 'kv', outcome: 'hit', ms: 7 }]);
  });
});
