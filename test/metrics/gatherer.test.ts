import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Batch } from '../../src/metrics/gathered.ts';
import { createGatherer } from '../../src/metrics/gatherer.ts';
import type { MetricsRpc } from '../../src/metrics/rpc.ts';
import { answered } from '../support/metrics.ts';

const KEY = 'requests||blob|head|200|hit';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Starts an isolate. @param add what the object does */
function isolate(add: (batches: readonly Batch[]) => Promise<number>) {
  const deliveries: (readonly Batch[])[] = [];
  const warnings: string[] = [];
  const work: Promise<unknown>[] = [];
  const names = new Set<string>();
  const object = {
    add(name: string, batches: readonly Batch[]) {
      names.add(name);
      deliveries.push(structuredClone(batches));
      return add(batches);
    },
  } as unknown as MetricsRpc;
  const gatherer = createGatherer({ open: () => object, now: Date.now, warn: (text) => warnings.push(text) });
  const keepAlive = (promise: Promise<unknown>) => void work.push(promise);
  return {
    ask: () => gatherer.request(answered({ startedAt: Date.now(), ms: 0 }), keepAlive),
    emit: () => gatherer.event('', { kind: 'write-back', outcome: 'done' }, keepAlive),
    ...{ deliveries, warnings, work, names },
  };
}

const lastOf = (batches: readonly Batch[]) => Promise.resolve(batches.at(-1)?.sequence ?? 0);
const countIn = (batches: readonly Batch[]) => batches.reduce((sum, { counters }) => sum + (counters.get(KEY) ?? 0), 0);

describe('the gatherer of an isolate', () => {
  it('sends at most one request in ten seconds, with every request in exactly one batch', async () => {
    const { ask, deliveries, work, names } = isolate(lastOf);
    for (let second = 0; second < 60; second++) {
      for (let n = 0; n < 5; n++) ask();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(deliveries.length).toBeLessThanOrEqual(7);
    expect(work).toHaveLength(deliveries.length);
    expect(deliveries.map((batches) => batches.map(({ sequence }) => sequence))).toEqual(
      deliveries.map((_, at) => [at + 1]),
    );
    expect(deliveries.reduce((sum, batches) => sum + countIn(batches), 0)).toBe(300);
    expect(names.size).toBe(1);
  });

  it('survives an object that fails before it is asked', async () => {
    const { ask, work, warnings } = isolate(() => {
      throw new TypeError('it cannot be sent');
    });
    ask();
    await vi.advanceTimersByTimeAsync(10_000);
    await Promise.all(work);
    expect(warnings).toEqual(['the counts could not be delivered: they are sent again']);
  });

  it('sends nothing while nothing happens', async () => {
    const { ask, deliveries } = isolate(lastOf);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(deliveries).toEqual([]);
    ask();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(deliveries).toHaveLength(1);
  });

  it('delivers an event that comes after the delivery of its request', async () => {
    const { ask, emit, deliveries } = isolate(lastOf);
    ask();
    await vi.advanceTimersByTimeAsync(20_000);
    emit();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(deliveries[1]?.[0]?.counters).toEqual(new Map([['writeBacks||done', 1]]));
  });

  it('sends what was not confirmed again, as it was, in front of the next batch', async () => {
    let isBroken = true;
    const { ask, deliveries, warnings } = isolate((batches) =>
      isBroken ? Promise.reject(new Error('the object is not there')) : lastOf(batches),
    );
    ask();
    await vi.advanceTimersByTimeAsync(10_000);
    isBroken = false;
    ask();
    ask();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(warnings).toHaveLength(1);
    expect(deliveries[1]?.map(({ sequence, counters }) => [sequence, counters.get(KEY)])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(deliveries[1]?.[0]).toEqual(deliveries[0]?.[0]);
    ask();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(deliveries[2]?.map(({ sequence }) => sequence)).toEqual([3]);
  });

  it('sends an answer that comes too late again, which the object has already', async () => {
    const { ask, deliveries } = isolate(() => new Promise(() => {}));
    ask();
    await vi.advanceTimersByTimeAsync(20_000);
    ask();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(deliveries.map((batches) => batches.map(({ sequence }) => sequence))).toEqual([[1], [1, 2]]);
  });

  it('holds four batches that nobody confirms, and counts on in the fifth', async () => {
    let isBroken = true;
    const { ask, deliveries } = isolate((batches) =>
      isBroken ? Promise.reject(new Error('the object is not there')) : lastOf(batches),
    );
    for (let n = 0; n < 20; n++) {
      ask();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(deliveries.at(-1)?.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    isBroken = false;
    for (let n = 0; n < 2; n++) {
      ask();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    const confirmed = new Map(deliveries.slice(-2).flatMap((batches) => batches.map((one) => [one.sequence, one])));
    expect(countIn([...confirmed.values()])).toBe(22);
  });

  it('counts how many batches it gave up after ten minutes', async () => {
    let isBroken = true;
    const { ask, deliveries } = isolate((batches) =>
      isBroken ? Promise.reject(new Error('the object is not there')) : lastOf(batches),
    );
    ask();
    await vi.advanceTimersByTimeAsync(10_000);
    isBroken = false;
    await vi.advanceTimersByTimeAsync(600_000);
    ask();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(deliveries[1]?.map(({ sequence, counters }) => [sequence, counters.get('lost|')])).toEqual([[2, 1]]);
  });

  it('arms another delivery where the platform ended the request that had armed one', async () => {
    const { ask, deliveries, work } = isolate(lastOf);
    ask();
    vi.clearAllTimers();
    await vi.advanceTimersByTimeAsync(24_000);
    ask();
    expect(work).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    ask();
    expect(work).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(deliveries.map(countIn)).toEqual([3]);
  });
});
