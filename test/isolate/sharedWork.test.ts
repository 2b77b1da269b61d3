import { afterEach, describe, expect, it, vi } from 'vitest';
import { createSharedWork } from '../../src/isolate/sharedWork.ts';
import { contextOf, createClock } from '../support/context.ts';

const RESULT = { value: 1 };

afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const share = createSharedWork<{ readonly value: number }>();
  const ctx = () => contextOf(createClock());
  let done = 0;
  const work = (result: Promise<typeof RESULT> = Promise.resolve(RESULT)) => {
    done += 1;
    return result;
  };
  return { share, ctx, work, count: () => done };
}

describe('shared work', () => {
  it('is done once for all that need it at the same time, and again for who needs it later', async () => {
    const { share, ctx, work, count } = setUp();
    const all = await Promise.all([1, 2, 3].map(() => share(ctx(), 'a', work)));
    expect([all, count()]).toEqual([[RESULT, RESULT, RESULT], 1]);
    await share(ctx(), 'a', work);
    expect(count()).toBe(2);
  });

  it('is done for each key', async () => {
    const { share, ctx, work, count } = setUp();
    await Promise.all(['a', 'b'].map((key) => share(ctx(), key, work)));
    expect(count()).toBe(2);
  });

  it('that fails is done by those who waited for it', async () => {
    const { share, ctx, work, count } = setUp();
    const failing = share(ctx(), 'a', () => work(Promise.reject(new Error('failed'))));
    const waiting = share(ctx(), 'a', work);
    await expect(failing).rejects.toThrow('failed');
    expect([await waiting, count()]).toEqual([RESULT, 2]);
  });

  it('that never ends is waited for 12 s, and then done by whoever waited', async () => {
    vi.useFakeTimers();
    const { share, ctx, work, count } = setUp();
    share(ctx(), 'a', () => work(new Promise(() => undefined)));
    const waiting = share(ctx(), 'a', work);
    await vi.advanceTimersByTimeAsync(11_999);
    expect(count()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect([await waiting, count()]).toEqual([RESULT, 2]);
    // Who comes now finds nothing under way.
    expect(await share(ctx(), 'a', work)).toEqual(RESULT);
  });

  it.each<[string, () => Promise<never>]>([
    ['never ends', () => new Promise(() => undefined)],
    ['fails', () => Promise.reject(new Error('failed'))],
  ])('that %s is then done by one of all that waited', async (_what, first) => {
    vi.useFakeTimers();
    const { share, ctx, work, count } = setUp();
    share(ctx(), 'a', () => work(first())).catch(() => undefined);
    const again = () => work(new Promise((resolve) => setTimeout(() => resolve(RESULT), 100)));
    const waiting = Array.from({ length: 50 }, () => share(ctx(), 'a', again));
    await vi.advanceTimersByTimeAsync(12_100);
    expect([await Promise.all(waiting), count()]).toEqual([Array(50).fill(RESULT), 2]);
  });

  it('is waited for twice at most', async () => {
    vi.useFakeTimers();
    const { share, ctx, work, count } = setUp();
    const endless = () => share(ctx(), 'a', () => work(new Promise(() => undefined)));
    endless();
    endless();
    const waiting = share(ctx(), 'a', work);
    await vi.advanceTimersByTimeAsync(23_999);
    expect(count()).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect([await waiting, count()]).toEqual([RESULT, 3]);
  });

  it('of more than 1,000 keys at a time is not shared', async () => {
    const { share, ctx, work, count } = setUp();
    const { promise, resolve } = Promise.withResolvers<typeof RESULT>();
    const all = Array.from({ length: 1_001 }, (_, n) => share(ctx(), `key ${n}`, () => work(promise)));
    const late = share(ctx(), 'key 1000', () => work(promise));
    resolve(RESULT);
    await Promise.all([...all, late]);
    expect(count()).toBe(1_002);
  });
});
