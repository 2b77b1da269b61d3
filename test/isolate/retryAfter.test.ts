import { describe, expect, it } from 'vitest';
import { createMemory } from '../../src/isolate/memory.ts';
import { createRetryAfter } from '../../src/isolate/retryAfter.ts';
import { contextOf, createClock } from '../support/context.ts';

const MINUTE_MS = 60_000;
const NOON = Date.UTC(2026, 0, 1, 12);

function setup(bounds = { entries: 100, bytes: 100_000 }) {
  const clock = createClock(NOON);
  const limits = createRetryAfter(createMemory(bounds), ({ caller }) => caller);
  const by = (authorization?: string, more: Record<string, string> = {}) => {
    const headers = { ...(authorization && { authorization }), ...more };
    return contextOf(clock, new Request('http://edge.test/v2/a/manifests/b', { headers }));
  };
  return { clock, limits, by };
}

function responseWith(retryAfter?: string, status = 429): Response {
  return new Response(null, { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } });
}

describe('createRetryAfter', () => {
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
  ])('reads Retry-After, of which it honours at most 5 minutes: %j is %i ms', (retryAfter, ms) => {
    const { clock, limits, by } = setup();
    expect(limits.until(by())).toBe(0);
    limits.observe(by(), responseWith(retryAfter));
    expect(limits.until(by())).toBe(ms === 0 ? 0 : NOON + ms);
    clock.advance(ms);
    expect(limits.until(by())).toBe(0);
  });

  it.each([200, 304, 401, 403, 404, 500, 503])('ignores the Retry-After of a %i', (status) => {
    const { limits, by } = setup();
    limits.observe(by(), responseWith('60', status));
    expect(limits.until(by())).toBe(0);
  });

  it('limits the credential that got the 429, and no caller who may be another', () => {
    const { limits, by } = setup();
    const cookie = { cookie: 'session=1' };
    limits.observe(by('Basic YQ=='), responseWith('60'));
    limits.observe(by(undefined, cookie), responseWith('60'));
    const others = [by(), by('Basic Yg=='), by('basic YQ=='), by('Basic YQ==', cookie), by(undefined, cookie)];
    expect(others.map((ctx) => limits.until(ctx))).toEqual(others.map(() => 0));
    expect(limits.until(by('Basic YQ==', { accept: 'text/plain' }))).toBe(NOON + MINUTE_MS);
  });

  it('limits all callers where the origin cannot tell them apart', () => {
    const { by } = setup();
    const limits = createRetryAfter(createMemory({ entries: 100, bytes: 100_000 }), () => '');
    limits.observe(by('Basic YQ=='), responseWith('60'));
    for (const ctx of [by(), by('Basic Yg=='), by(undefined, { cookie: 'a=b' })]) {
      expect(limits.until(ctx)).toBe(NOON + MINUTE_MS);
    }
  });

  it('honours the last 429 that has a Retry-After', () => {
    const { clock, limits, by } = setup();
    limits.observe(by(), responseWith('60'));
    clock.advance(10_000);
    limits.observe(by(), responseWith('5'));
    expect(limits.until(by())).toBe(NOON + 15_000);
    limits.observe(by(), responseWith());
    expect(limits.until(by())).toBe(NOON + 15_000);
  });

  it('remembers no more limits than the memory of the isolate holds', () => {
    const { limits, by } = setup({ entries: 2, bytes: 100_000 });
    for (const name of ['a', 'b', 'c']) limits.observe(by(`Bearer ${name}`), responseWith('60'));
    const until = ['a', 'b', 'c'].map((name) => limits.until(by(`Bearer ${name}`)));
    expect(until).toEqual([0, NOON + MINUTE_MS, NOON + MINUTE_MS]);
  });
});
