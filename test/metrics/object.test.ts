import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Batch } from '../../src/metrics/gathered.ts';
import { MetricsObject } from '../../src/metrics/object.ts';
import { Tops } from '../../src/metrics/tops.ts';
import { type Clock, createClock } from '../support/context.ts';
import { answered, batch, metricsObject, type TestMetrics } from '../support/metrics.ts';

const HITS = 'requests||blob|head|200|hit';
const HOUR_MS = 3_600_000;
const STARTED_AT = Date.UTC(2026, 5, 1, 12, 45);

let clock: Clock;
beforeEach(() => {
  clock = createClock(STARTED_AT);
});

/** Adds batches a second after those before, which are therefore stored at once. */
function add(object: TestMetrics, isolate: string, ...batches: Batch[]): Promise<number> {
  clock.advance(1_000);
  return object.add(isolate, batches);
}

/** Returns what the object would report after a restart. */
function reportAfterRestart(object: TestMetrics) {
  return runInDurableObject(object as never, (_instance, state: DurableObjectState) =>
    new MetricsObject(state, {} as never).report(),
  );
}

describe('the object that has the counts of all isolates', () => {
  it('has lost nothing after a restart, and still adds no batch twice', async () => {
    const object = metricsObject();
    const tops = new Tops();
    tops.note(answered({ tag: 'v1', ms: 900 }), 'miss');
    const histograms = new Map([['durations||blob|head|hit', [0.5, 1, 2]]]);
    await add(object, 'a', batch(1, { [HITS]: 3 }, { histograms, tops: tops.lists }));
    clock.advance(HOUR_MS / 3);
    await add(object, 'b', batch(1, { [HITS]: 4 }));
    const before = await object.report();
    expect(before).toMatchObject({ since: STARTED_AT + 1_000, tags: [[' team/app:v1', 1]] });
    expect(before.counters).toEqual(new Map([[HITS, 7]]));
    expect(before.hours.map(({ counters }) => counters.get(HITS))).toEqual([3, 4]);
    expect(before.slowest).toMatchObject([{ repository: 'team/app', tag: 'v1', ms: 900, cache: 'miss' }]);
    expect(await reportAfterRestart(object)).toEqual(before);
    const again = await runInDurableObject(object as never, async (_instance, state: DurableObjectState) => {
      const restarted = new MetricsObject(state, {} as never);
      await restarted.add('a', [batch(1, { [HITS]: 3 })]);
      return restarted.totals();
    });
    expect(again.counters.get(HITS)).toBe(7);
  });

  it('stores batches that come at the same time together, and confirms none before', async () => {
    const object = metricsObject();
    await add(object, 'first', batch(1));
    const confirmed = await Promise.all(
      Array.from({ length: 20 }, (_, n) => object.add(`isolate ${n}`, [batch(1, { [HITS]: 1 })])),
    );
    expect(new Set(confirmed)).toEqual(new Set([1]));
    expect((await reportAfterRestart(object)).counters.get(HITS)).toBe(20);
  });

  it('reports no hour and no list that is over, though nothing has come since', async () => {
    const object = metricsObject();
    const tops = new Tops();
    tops.note(answered({ tag: 'v1' }), 'hit');
    await add(object, 'a', batch(1, { [HITS]: 1 }, { tops: tops.lists }));
    clock.advance(49 * HOUR_MS);
    const { counters, hours, repositories, tags, clients, slowest } = await object.report();
    expect(counters.get(HITS)).toBe(1);
    expect([hours, repositories, tags, clients, slowest]).toEqual([[], [], [], [], []]);
  });

  it('removes hours and days that are over from what is stored', async () => {
    const object = metricsObject();
    for (let hour = 0; hour < 60; hour++) {
      await add(object, 'a', batch(hour + 1, { [HITS]: 1 }));
      clock.advance(HOUR_MS - 1_000);
    }
    const keys = await runInDurableObject(object as never, (_instance, { storage }: DurableObjectState) =>
      [...storage.kv.list()].map(([key]) => key.replace(/ .*/, '')),
    );
    expect(keys.filter((key) => key === 'hour')).toHaveLength(48);
    expect(keys.filter((key) => key === 'day')).toHaveLength(2);
    expect((await object.totals()).counters.get(HITS)).toBe(60);
  });
});
