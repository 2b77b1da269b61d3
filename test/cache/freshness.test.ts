import { describe, expect, it } from 'vitest';
import { isFresh, isWorthStoring, retentionMs } from '../../src/cache/freshness.ts';
import { CLOCK_SKEW_MS, isAlive } from '../../src/stores/tombstone.ts';
import { entryFor, uniqueDigest } from '../support/digests.ts';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const digest = uniqueDigest();
const at = (verifiedAt: number, changes = {}) => entryFor(digest, verifiedAt, changes);

describe('isFresh', () => {
  it.each<[string, number, number, boolean]>([
    ['confirmed now', NOW, MINUTE, true],
    ['just below the window', NOW - MINUTE + 1, MINUTE, true],
    ['as old as the window', NOW - MINUTE, MINUTE, false],
    ['older', NOW - MINUTE - 1, MINUTE, false],
    ['from a clock that is as fast as allowed', NOW + CLOCK_SKEW_MS, MINUTE, true],
    ['from a clock that is faster than allowed', NOW + CLOCK_SKEW_MS + 1, MINUTE, false],
    ['that was never confirmed', 0, 20 * 86_400_000, false],
    ['confirmed now, if there is no window', NOW, 0, false],
    ['from a clock that is fast, if there is no window', NOW + 1, 0, false],
  ])('of an entry %s', (_what, verifiedAt, windowMs, expected) => {
    expect(isFresh(at(verifiedAt), NOW, windowMs)).toBe(expected);
  });
});

describe('isWorthStoring', () => {
  const TTLS = {
    descriptorMs: 60 * MINUTE,
    pushExistenceMs: 4 * MINUTE,
    pushStaleMs: 0,
    tagMs: 0,
    longestTagMs: 0,
    staleMs: 0,
  };

  it('says yes to an entry whose media type both methods have told, where one was missing, and not the reverse', () => {
    const [byBoth, byOne] = [at(NOW), { ...at(NOW), witness: 'GET' as const }];
    expect([isWorthStoring(byBoth, byOne, TTLS), isWorthStoring(byOne, byBoth, TTLS)]).toEqual([true, false]);
  });

  const HALF = TTLS.pushExistenceMs / 2;

  it.each<[string, ReturnType<typeof at> | undefined, Partial<typeof TTLS>, boolean]>([
    ['absent', undefined, {}, true],
    ['the same, and as recent', at(NOW), {}, false],
    ['half of the smaller window old', at(NOW - HALF), {}, false],
    ['older than half of the smaller window', at(NOW - HALF - 1), {}, true],
    ['never confirmed', at(0), {}, true],
    ['of another size', at(NOW, { size: 1 }), {}, true],
    ['of another type', at(NOW, { mediaType: 'a/b' }), {}, true],
    ['for another canonical digest', at(NOW, { digest: uniqueDigest() }), {}, true],
    ['a little more recent, from another isolate', at(NOW + HALF), {}, false],
    ['from a future that no clock allows', at(NOW + HALF + 1), {}, true],
    ['half of the only window old', at(NOW - 30 * MINUTE), { pushExistenceMs: 0 }, false],
    ['older than half of the only window', at(NOW - 30 * MINUTE - 1), { pushExistenceMs: 0 }, true],
    ['half of the other only window old', at(NOW - HALF), { descriptorMs: 0 }, false],
    ['older than half of the other only window', at(NOW - HALF - 1), { descriptorMs: 0 }, true],
    ['older than half of DESCRIPTOR_TTL, if that is smaller', at(NOW - MINUTE - 1), { descriptorMs: MINUTE * 2 }, true],
  ])('if the stored entry is %s', (_what, stored, ttls, expected) => {
    expect(isWorthStoring(at(NOW), stored, { ...TTLS, ...ttls })).toBe(expected);
  });
});

describe('retentionMs', () => {
  it.each([
    [3, 2, 0, 1, 0, 3],
    [2, 3, 0, 1, 0, 3],
    [0, 1, 0, 3, 0, 3],
    [3, 0, 0, 0, 0, 3],
    [3, 2, 0, 1, 4, 7],
    [0, 0, 0, 1, 4, 5],
    [3, 2, 4, 1, 0, 6],
    [3, 2, 4, 1, 4, 7],
    [0, 0, 0, 0, 0, 0],
  ])('of DESCRIPTOR_TTL %i, PUSH_EXISTENCE_TTL %i + %i, TAG_TTL %i, STALE_IF_ERROR %i is %i', (...given) => {
    const [descriptorMs, pushExistenceMs, pushStaleMs, tagMs, staleMs, expected] = given;
    expect(retentionMs({ descriptorMs, pushExistenceMs, pushStaleMs, tagMs, longestTagMs: tagMs, staleMs })).toBe(
      expected,
    );
  });
});

describe('isAlive', () => {
  it.each<[string, number, number, boolean]>([
    ['after the tombstone', 2, 1, true],
    ['at the very moment of the tombstone', 1, 1, false],
    ['before the tombstone', 1, 2, false],
    ['without a tombstone', 1, 0, true],
    ['never, without a tombstone', 0, 0, true],
    ['never, with a tombstone', 0, 1, false],
  ])('of an entry confirmed %s', (_what, verifiedAt, clearedUntil, expected) => {
    expect(isAlive(verifiedAt, clearedUntil)).toBe(expected);
  });
});
