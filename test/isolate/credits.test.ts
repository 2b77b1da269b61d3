import { describe, expect, it } from 'vitest';
import { createCredits } from '../../src/isolate/credits.ts';

describe('credits', () => {
  it('as many names may be tried as there are credits, and one more each second', () => {
    const credits = createCredits(3, 1);
    const tryNames = (count: number, nowMs: number) =>
      Array.from({ length: count }, () => credits.take(crypto.randomUUID(), nowMs)).filter(Boolean).length;
    expect(tryNames(10, 0)).toBe(3);
    expect(tryNames(10, 999)).toBe(0);
    expect(tryNames(10, 2_000)).toBe(2);
    expect(tryNames(10, 3_600_000)).toBe(3);
    // A clock that goes back gives nothing.
    expect(tryNames(10, 0)).toBe(0);
  });

  it('a good name gives its credit back once, and costs nothing from then on', () => {
    const credits = createCredits(2, 0);
    expect(credits.take('good', 0)).toBe(true);
    credits.giveBack('good');
    credits.giveBack('good');
    credits.giveBack('never tried');
    expect(['good', 'good', 'a', 'b', 'c', 'good'].map((name) => credits.take(name, 0))).toEqual([
      ...[true, true, true, true, false, true],
    ]);
  });
});
