import { describe, expect, it } from 'vitest';
import { ifRangeHolds, lengthOf, partOf, rangeAsked } from '../../src/http/ranges.ts';
import { uniqueDigest } from '../support/digests.ts';

const digest = uniqueDigest();
const asked = (range?: string, ifRange?: string) =>
  rangeAsked(
    new Headers({ ...(range !== undefined && { range }), ...(ifRange !== undefined && { 'if-range': ifRange }) }),
    digest,
  );

describe('what a GET of a blob of ten bytes asks for', () => {
  it.each([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=2-4', { first: 2, last: 4 }],
    ['bytes=0-', { first: 0, last: 9 }],
    ['bytes=9-', { first: 9, last: 9 }],
    ['bytes=5-99', { first: 5, last: 9 }],
    ['bytes=-1', { first: 9, last: 9 }],
    ['bytes=-10', { first: 0, last: 9 }],
    ['bytes=-11', { first: 0, last: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=10-20', 'unsatisfiable'],
    ['bytes=9999999999999999-', 'unsatisfiable'],
  ])('%s: %j', (range, part) => {
    const known = asked(range);
    expect(known.kind === 'other' ? known : partOf(known, 10)).toEqual(part);
  });

  it('the whole, without a range or where an If-Range does not hold', () => {
    for (const whole of [asked(), asked('bytes=0-1', '"other"'), asked('bytes=0-1', `W/"${digest}"`)]) {
      expect(whole).toEqual({ kind: 'whole' });
    }
    expect(partOf({ kind: 'whole' }, 10)).toBeUndefined();
  });

  it('the part, where an If-Range holds', () => {
    for (const validator of [digest, `"${digest}"`]) {
      expect(asked('bytes=0-1', validator)).toEqual({ kind: 'from', first: 0, last: 1 });
    }
    expect(ifRangeHolds(new Headers(), digest)).toBe(true);
  });

  it.each([
    'bytes=0-1,3-4',
    'bytes=0-1, 3-4',
    'items=0-1',
    'bytes=4-2',
    'bytes=-0',
    'bytes=-',
    'bytes=a-b',
    'bytes 0-1',
    'bytes= 0-1',
    'Bytes=0-1',
    'bytes=0x1-2',
    'bytes=+1-2',
    'bytes=99999999999999999-',
    '',
  ])('what only the origin can answer as it would: %j', (range) => {
    expect(asked(range)).toEqual({ kind: 'other' });
  });
});

it('a part has as many bytes as its ends say, both included', () => {
  expect([lengthOf({ first: 0, last: 0 }), lengthOf({ first: 2, last: 4 })]).toEqual([1, 3]);
});
