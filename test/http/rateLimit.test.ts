import { describe, expect, it } from 'vitest';
import { type RateLimit, rateLimitIn } from '../../src/http/rateLimit.ts';

const HUB = '100;w=21600';
const SIX_HOURS_MS = 21_600_000;
const headersOf = (limit: string | null, remaining: string | null) =>
  new Headers({
    ...(limit !== null && { 'ratelimit-limit': limit }),
    ...(remaining !== null && { 'ratelimit-remaining': remaining }),
  });

describe('rateLimitIn', () => {
  it.each<[string, string | null, string | null, RateLimit]>([
    ['both headers of Docker Hub', HUB, '76;w=21600', { limit: 100, windowMs: SIX_HOURS_MS, remaining: 76 }],
    ['none left', HUB, '0;w=21600', { limit: 100, windowMs: SIX_HOURS_MS, remaining: 0 }],
    ['a limit alone', HUB, null, { limit: 100, windowMs: SIX_HOURS_MS, remaining: undefined }],
    ['what is left alone', null, '76;w=21600', { limit: undefined, windowMs: SIX_HOURS_MS, remaining: 76 }],
    ['numbers without a window', '100', '76', { limit: 100, windowMs: undefined, remaining: 76 }],
    ['the first of several limits', '10, 100;w=60, 5;w=1', '7', { limit: 10, windowMs: undefined, remaining: 7 }],
    ['white space and other parameters', ' 100 ; a=b ; w=60 ', ' 7 ', { limit: 100, windowMs: 60_000, remaining: 7 }],
    ['a window of 0, which is none', '100;w=0', '7', { limit: 100, windowMs: undefined, remaining: 7 }],
    ['a limit of 0, which is none', '0;w=60', '7', { limit: undefined, windowMs: 60_000, remaining: 7 }],
    ['a window of a hundred years, bounded', '9;w=31536000', null, { limit: 9, windowMs: 2_678_400_000 }],
  ])('reads %s', (_what, limit, remaining, expected) => {
    expect(rateLimitIn(headersOf(limit, remaining))).toEqual(expected);
  });

  it.each<[string, string | null, string | null]>([
    ['no header', null, null],
    ['empty ones', '', ''],
    ['words', 'many', 'few'],
    ['a negative number', '-1', '-1'],
    ['a fraction', '1.5', '1.5'],
    ['a number that nobody counts to', '9999999999', '99999999999999999999'],
  ])('reads nothing from %s', (_what, limit, remaining) => {
    expect(rateLimitIn(headersOf(limit, remaining))).toBeUndefined();
  });
});
