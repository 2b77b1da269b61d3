import { describe, expect, it } from 'vitest';
import { createMemory } from '../../src/isolate/memory.ts';
import { createRetryAfter } from '../../src/isolate/retryAfter.ts';
import { contextOf, createClock } from '../support/context.ts';

const MINUTE_MS = 60_000;
const NOON = Date.UTC(2026, 0, 1, 12);

function setup(bounds = { entries: 100, bytes: 100_000 }) {
  const clock = createClock(NOON);
  const pauses = createRetryAfter(createMemory(bounds), ({ caller }) => caller);
  const by = (authorization?: string, more: Record<string, string> = {}) => {
    const headers = { ...(authorization && { authorization }), ...more };
    return contextOf(clock, new Request('http://edge.test/v2/a/manifests/b', { headers }));
  };
  return { clock, pauses, by };
}

function limited(retryAfter?: string, status = 429): Response {
  return new Response(null, { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } });
}

describe('createPauses', () => {
  it.each([
    ['1', 1_000],
    ['60', MINUTE_MS],
    ['300', 5 * MINUTE_MS],
    ['301', 5 * MINUTE_MS],
    ['999999999', 5 * MINUTE_MS],
    ['99999999999999999999', 5 * MINUTE_MS],
    ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
    ['Thursday, 01-Jan-26 12:00:30 GMT', 30_000],
    ['Thu Jan  1 12:00:30 2026', 30_000],
    ['Fri, 02 Jan 2026 12:00:00 GMT', 5 * MINUTE_MS],
    ['Thu, 01 Jan 2026 12:00:00 GMT', 0],
    ['Thu, 01 Jan 2026 11:59:59 GMT', 0],
    ['0', 0],
    ['-1', 0],
    ['1.5', 0],
    ['', 0],
    ['soon', 0],
    [undefined, 0],
  ])('waits as long as Retry-After says, and at most 5 minutes: %j is %i ms', (retryAfter, ms) => {
    const { clock, pauses, by } = setup();
    expect(pauses.until(by())).toBe(0);
    pauses.note(by(), limited(retryAfter));
    expect(pauses.until(by())).toBe(ms === 0 ? 0 : NOON + ms);
    clock.advance(ms);
    expect(pauses.until(by())).toBe(0);
  });

  it.each([200, 304, 401, 403, 404, 500, 503])('is for a 429 alone, not for a %i', (status) => {
    const { pauses, by } = setup();
    pauses.note(by(), limited('60', status));
    expect(pauses.until(by())).toBe(0);
  });

  it('is for the credential that the origin limited, and for nobody who may be another', () => {
    const { pauses, by } = setup();
    const cookie = { cookie: 'session=1' };
    pauses.note(by('Basic YQ=='), limited('60'));
    pauses.note(by(undefined, cookie), limited('60'));
    const others = [by(), by('Basic Yg=='), by('basic YQ=='), by('Basic YQ==', cookie), by(undefined, cookie)];
    expect(others.map((ctx) => pauses.until(ctx))).toEqual(others.map(() => 0));
    expect(pauses.until(by('Basic YQ==', { accept: 'text/plain' }))).toBe(NOON + MINUTE_MS);
  });

  it('is for all where all are one to the origin', () => {
    const { by } = setup();
    const pauses = createRetryAfter(createMemory({ entries: 100, bytes: 100_000 }), () => '');
    pauses.note(by('Basic YQ=='), limited('60'));
    for (const ctx of [by(), by('Basic Yg=='), by(undefined, { cookie: 'a=b' })]) {
      expect(pauses.until(ctx)).toBe(NOON + MINUTE_MS);
    }
  });

  it('follows the last 429', () => {
    const { clock, pauses, by } = setup();
    pauses.note(by(), limited('60'));
    clock.advance(10_000);
    pauses.note(by(), limited('5'));
    expect(pauses.until(by())).toBe(NOON + 15_000);
    pauses.note(by(), limited());
    expect(pauses.until(by())).toBe(NOON + 15_000);
  });

  it('remembers no more than the memory of the isolate holds', () => {
    const { pauses, by } = setup({ entries: 2, bytes: 100_000 });
    for (const name of ['a', 'b', 'c']) pauses.note(by(`Bearer ${name}`), limited('60'));
    const until = ['a', 'b', 'c'].map((name) => pauses.until(by(`Bearer ${name}`)));
    expect(until).toEqual([0, NOON + MINUTE_MS, NOON + MINUTE_MS]);
  });
});
