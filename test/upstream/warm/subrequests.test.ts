import { describe, expect, it } from 'vitest';
import type { EdgeEvent } from '../../../src/telemetry/events.ts';
import { Subrequests } from '../../../src/upstream/warm/subrequests.ts';

const asked = (times: number): EdgeEvent[] =>
  Array.from({ length: times }, () => ({ kind: 'origin', method: 'GET', outcome: 200, ms: 1 }));

describe('the subrequests of a piece of warming', () => {
  it('are charged as they were, also where they were more than was reserved', () => {
    const subrequests = new Subrequests();
    expect(subrequests.reserve(12)).toBe(true);
    subrequests.settle(12, asked(30));
    subrequests.advance();
    expect([subrequests.reserve(11), subrequests.reserve(10)]).toEqual([false, true]);
  });

  it('are enough for one more piece of work until something is done, and for no other one after that', () => {
    const subrequests = new Subrequests();
    subrequests.reserve(12);
    subrequests.settle(12, asked(39));
    expect([subrequests.fitting(7), subrequests.reserve(7)]).toEqual([1, true]);
    subrequests.advance();
    expect([subrequests.fitting(7), subrequests.reserve(7)]).toEqual([1, false]);
  });
});
