import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/oci/descriptor.ts';
import { couldAnswer, isPresent } from '../../src/stores/present.ts';
import type { Stored } from '../../src/stores/records.ts';
import { entryFor, uniqueDigest } from '../support/digests.ts';

const entryOf = (verifiedAt: number) => entryFor(uniqueDigest(), verifiedAt);
const NOTHING: Stored<Entry> = { value: undefined, clearedUntil: 0 };
const HALF_CLEARED: Stored<Entry> = { ...NOTHING, isHalfCleared: true };

describe('isPresent', () => {
  it.each<['is' | 'is not', string, Stored<Entry>]>([
    ['is not', 'nothing is stored', NOTHING],
    ['is', 'a clear is half done', HALF_CLEARED],
    ['is', 'its entry counts', { value: entryOf(20), clearedUntil: 10 }],
    ['is not', 'its entry is behind a tombstone', { value: entryOf(10), clearedUntil: 10 }],
    ['is', 'its entry was never confirmed', { value: entryOf(0), clearedUntil: 0 }],
    ['is', 'its entry, behind a tombstone, was never confirmed', { value: entryOf(0), clearedUntil: 10 }],
    ['is not', 'its entry was confirmed after the eviction', { value: entryOf(31), clearedUntil: 10 }],
  ])('a record %s present to an eviction if %s', (verb, _what, stored) => {
    expect(isPresent(stored, { until: 30, sparesLater: true })).toBe(verb === 'is');
  });

  it('a record is present to a clear also if its entry was confirmed after it', () => {
    expect(isPresent({ value: entryOf(31), clearedUntil: 10 }, { until: 30, sparesLater: false })).toBe(true);
  });
});

describe('couldAnswer', () => {
  it.each<['could' | 'could not', string, Stored<Entry>]>([
    ['could not', 'nothing is stored', NOTHING],
    ['could not', 'a clear is half done', HALF_CLEARED],
    ['could', 'its entry counts', { value: entryOf(20), clearedUntil: 10 }],
    ['could not', 'its entry is behind a tombstone', { value: entryOf(10), clearedUntil: 10 }],
  ])('a record %s have answered if %s', (verb, _what, stored) => {
    expect(couldAnswer(stored)).toBe(verb === 'could');
  });
});
