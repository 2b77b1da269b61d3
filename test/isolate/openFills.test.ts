import { expect, it } from 'vitest';
import { createOpenFills } from '../../src/isolate/openFills.ts';

const MINUTE_MS = 60_000;

it('one blob is filled once at a time, and others beside it', () => {
  const fills = createOpenFills();
  expect([fills.begin('a', 0), fills.begin('a', MINUTE_MS - 1), fills.begin('b', 0)]).toEqual([true, false, true]);
  fills.end('a', MINUTE_MS - 1, false);
  expect(fills.begin('a', MINUTE_MS - 1)).toBe(true);
});

it('a fill that takes longer than a minute keeps nobody from another one', () => {
  const fills = createOpenFills();
  expect([fills.begin('a', 0), fills.begin('a', MINUTE_MS)]).toEqual([true, true]);
});

it('a blob that has to rest is not filled for a minute', () => {
  const fills = createOpenFills();
  fills.begin('a', 0);
  fills.end('a', 10, true);
  expect([fills.begin('a', MINUTE_MS + 9), fills.begin('b', 20)]).toEqual([false, true]);
  expect(fills.begin('a', MINUTE_MS + 10)).toBe(true);
});

it('at most 64 are open, and those that never ended do not count after 15 minutes', () => {
  const fills = createOpenFills();
  for (let at = 0; at < 64; at++) expect(fills.begin(`${at}`, at)).toBe(true);
  expect(fills.begin('more', 64)).toBe(false);
  expect(fills.begin('more', 15 * MINUTE_MS - 1)).toBe(false);
  expect(fills.begin('more', 15 * MINUTE_MS)).toBe(true);
  expect(fills.begin('still more', 15 * MINUTE_MS)).toBe(false);
});
