import { describe, expect, it } from 'vitest';
import {
  budgetAt,
  countPull,
  type Hearing,
  hear,
  isSpared,
  leftOf,
  type PullBudget,
  type Told,
  UNKNOWN_BUDGET,
} from '../../src/pulls/budget.ts';

const HOUR_MS = 3_600_000;
const WINDOW_MS = 6 * HOUR_MS;
const NOW = Date.UTC(2026, 0, 1);
const DECLARED = { limit: 100, windowMs: WINDOW_MS };

const told = (remaining: number | undefined, more: Partial<Told> = {}): Told => ({
  status: 200,
  rateLimit: { limit: 100, windowMs: WINDOW_MS, remaining },
  limitedMs: 0,
  ...more,
});
const silent = (status = 200): Told => ({ status, rateLimit: undefined, limitedMs: 0 });
const at = (ms: number, more: Partial<Hearing> = {}): Hearing => ({
  nowMs: NOW + ms,
  takenAt: NOW + ms,
  open: 0,
  ...more,
});

function counted(budget: PullBudget, pulls: number, nowMs = NOW): PullBudget {
  return Array.from({ length: pulls }).reduce<PullBudget>((before) => countPull(before, nowMs), budget);
}

/** A budget of which one pull was counted, and its answer told this. */
const heard = (remaining: number, ms = 0) => hear(counted(UNKNOWN_BUDGET, 1, NOW + ms), told(remaining), at(ms));

describe('a declared budget', () => {
  it('is what is declared less what was counted, and never less than nothing', () => {
    for (const [pulls, left] of [
      [0, 100],
      [1, 99],
      [100, 0],
      [101, 0],
    ] as const) {
      const budget = budgetAt(counted(UNKNOWN_BUDGET, pulls), DECLARED, NOW);
      expect([budget.knownBy, budget.counted, leftOf(budget)]).toEqual(['declared', pulls, left]);
    }
  });

  it('begins anew at the end of the window, which began with its first pull', () => {
    const spent = counted(budgetAt(UNKNOWN_BUDGET, DECLARED, NOW), 100);
    const leftAt = (ms: number) => leftOf(budgetAt(spent, DECLARED, NOW + ms));
    expect([WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1].map(leftAt)).toEqual([0, 100, 100]);
    expect(budgetAt(spent, DECLARED, NOW + WINDOW_MS)).toMatchObject({ counted: 0, startedAt: 0 });
    const next = countPull(budgetAt(spent, DECLARED, NOW + 2 * WINDOW_MS), NOW + 2 * WINDOW_MS);
    expect(next).toMatchObject({ counted: 1, startedAt: NOW + 2 * WINDOW_MS });
  });

  it('counts no longer once headers tell another one', () => {
    const budget = hear(counted(budgetAt(UNKNOWN_BUDGET, DECLARED, NOW), 5), told(7), at(1));
    const later = budgetAt(budget, { limit: 500, windowMs: HOUR_MS }, NOW + 1);
    expect(later).toMatchObject({ knownBy: 'header', allowance: DECLARED, counted: 5 });
    expect(leftOf(later)).toBe(7);
  });

  it('changes with the variable', () => {
    const budget = budgetAt(counted(UNKNOWN_BUDGET, 5), DECLARED, NOW);
    expect(leftOf(budgetAt(budget, { limit: 50, windowMs: HOUR_MS }, NOW))).toBe(45);
    expect(leftOf(budgetAt(budget, undefined, NOW))).toBeUndefined();
  });
});

describe('a budget that headers tell', () => {
  it('is what they tell, less what was counted since', () => {
    expect(leftOf(heard(76))).toBe(76);
    expect(leftOf(counted(heard(76), 2))).toBe(74);
    expect(leftOf(counted(heard(1), 3))).toBe(0);
  });

  it('follows the origin in both directions: others pull from the same address, and its window may end earlier', () => {
    const next = countPull(heard(76), NOW + 5);
    expect(leftOf(hear(next, told(50), at(10)))).toBe(50);
    expect(leftOf(hear(countPull(heard(3), NOW + 5), told(99), at(10)))).toBe(99);
  });

  it.each([
    ['in the order in which the origin counted them', [99, 98, 97, 96, 95]],
    ['in another order', [95, 99, 97, 96, 98]],
    ['in the order in which the last one counted comes first', [95, 96, 97, 98, 99]],
  ])('is exact after answers that were open together came %s', (_what, answers) => {
    const five = counted(UNKNOWN_BUDGET, 5);
    const budget = answers.reduce<PullBudget>(
      (before, remaining, n) => hear(before, told(remaining), at(10 + n, { takenAt: NOW, open: 4 - n })),
      five,
    );
    expect([leftOf(budget), budget.counted, budget.others]).toEqual([95, 5, 0]);
  });

  it('is exact after others pulled in between', () => {
    const three = counted(UNKNOWN_BUDGET, 3);
    const budget = [98, 90, 89].reduce<PullBudget>(
      (before, remaining, n) => hear(before, told(remaining), at(10 + n, { takenAt: NOW, open: 2 - n })),
      three,
    );
    expect([leftOf(budget), budget.others]).toEqual([89, 8]);
  });

  it('does not rise by a late answer, nor while it may only seem so', () => {
    const two = counted(heard(76, 0), 2, NOW + 10);
    const first = hear(two, told(50), at(20, { takenAt: NOW + 10 }));
    expect(leftOf(first)).toBe(50);
    expect(leftOf(hear(first, told(74), at(21, { takenAt: NOW + 11 })))).toBe(50);
    const open = counted(first, 5, NOW + 30);
    expect(leftOf(hear(open, told(49), at(40, { takenAt: NOW + 30, open: 4 })))).toBe(45);
  });

  it('begins anew at the end of the window', () => {
    const spent = counted(heard(2), 2);
    const leftAt = (ms: number) => leftOf(budgetAt(spent, undefined, NOW + ms));
    expect([WINDOW_MS - 1, WINDOW_MS].map(leftAt)).toEqual([0, 100]);
  });

  it('is spent after a 429 that tells a limit, whether or not it says what is left', () => {
    for (const remaining of [undefined, 0])
      expect(leftOf(hear(heard(76), told(remaining, { status: 429 }), at(1)))).toBe(0);
    expect(leftOf(hear(heard(76), silent(429), at(1)))).toBe(76);
  });

  it('is the limit less what was counted if headers tell no number of what is left', () => {
    expect(leftOf(hear(counted(UNKNOWN_BUDGET, 3), told(undefined), at(0)))).toBe(97);
  });

  it('is unknown without a limit or a window, unless these are declared', () => {
    const rateLimit = { remaining: 5 };
    expect(hear(UNKNOWN_BUDGET, told(5, { rateLimit }), at(0))).toEqual(UNKNOWN_BUDGET);
    const declared = hear(budgetAt(UNKNOWN_BUDGET, DECLARED, NOW), told(5, { rateLimit }), at(0));
    expect([declared.knownBy, leftOf(declared)]).toEqual(['header', 5]);
  });

  it('is forgotten when the origin has told nothing for a whole window', () => {
    const budget = heard(76);
    expect(hear(budget, silent(), at(WINDOW_MS - 1)).knownBy).toBe('header');
    expect(hear(budget, silent(503), at(WINDOW_MS)).knownBy).toBe('header');
    expect(leftOf(hear(budget, silent(), at(WINDOW_MS)))).toBeUndefined();
  });
});

describe('a pull is spared', () => {
  it.each([
    [1, 0],
    [2, 1],
    [5, 2],
    [6, 3],
    [30, 3],
    [100, 10],
    [101, 11],
    [1_000, 100],
    [5_000, 100],
  ])('of %i pulls, when %i or fewer are left', (limit, reserve) => {
    const withLeft = (left: number) =>
      hear(UNKNOWN_BUDGET, told(left, { rateLimit: { limit, windowMs: WINDOW_MS, remaining: left } }), at(0));
    const spared = [reserve, reserve + 1].filter((left) => left <= limit).map((left) => isSpared(withLeft(left), NOW));
    expect(spared).toEqual([true, false]);
  });

  it('until the origin wants requests again; of two times the later one counts', () => {
    const limited = hear(UNKNOWN_BUDGET, { ...silent(429), limitedMs: 60_000 }, at(0));
    expect([0, 59_999, 60_000].map((ms) => isSpared(limited, NOW + ms))).toEqual([true, true, false]);
    const sooner = hear(limited, { ...silent(429), limitedMs: 1_000 }, at(0));
    expect(sooner.limitedUntil).toBe(NOW + 60_000);
  });

  it('never, as long as nobody knows what is left', () => {
    expect(isSpared(counted(UNKNOWN_BUDGET, 10_000), NOW)).toBe(false);
  });
});
