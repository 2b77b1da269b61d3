import { describe, expect, it } from 'vitest';
import { isTooLate } from '../../../src/stores/durable/tombstones.ts';

describe('what was looked for', () => {
  it.each([
    ['before its tombstone', 999, 1_000, 0, true],
    ['in the moment in which its tombstone ends', 1_000, 1_000, 0, true],
    ['after it', 1_001, 1_000, 0, false],
    ['so long ago that a tombstone may have expired', 499, 0, 500, true],
    ['as long ago as tombstones are kept', 500, 0, 500, false],
    ['at a time that nobody knows', undefined, 1_000, 2_000, false],
  ])('%s is too late or not', (_when, lookedAt, clearedUntil, oldestMs, expected) => {
    expect(isTooLate(lookedAt, clearedUntil, oldestMs)).toBe(expected);
  });
});
