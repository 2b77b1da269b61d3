import { describe, expect, it } from 'vitest';
import { Counts, observe } from '../../src/metrics/counts.ts';
import { Ledger } from '../../src/metrics/ledger.ts';
import { MAX_LISTED, Tops, topOf } from '../../src/metrics/tops.ts';
import { answered, batch } from '../support/metrics.ts';

const HOUR_MS = 3_600_000;
const AT = Date.UTC(2026, 5, 1, 12, 30);
const HITS = 'requests||blob|head|200|hit';
const SAVED = 'savedSeconds||blob|head';

/** A histogram with times of `ms` each. */
function waits(ms: number, times: number) {
  const counts = new Counts(10);
  for (let n = 0; n < times; n++) observe(counts.histogram('originWaits', '|blob|head'), ms);
  return counts.series.histograms;
}

describe('the ledger of all isolates', () => {
  it('adds each batch of each isolate once, however often and in which order it comes', () => {
    const ledger = new Ledger(AT);
    const [one, two] = [batch(1, { [HITS]: 1 }), batch(2, { [HITS]: 10 })];
    expect(ledger.add('a', [one], AT)).toBe(1);
    expect(ledger.add('a', [one, two], AT)).toBe(2);
    expect(ledger.add('a', [one], AT)).toBe(2);
    expect(ledger.add('b', [one], AT)).toBe(1);
    expect(ledger.totals.series.counters.get(HITS)).toBe(12);
  });

  it('forgets an isolate after half an hour, and not before', () => {
    const ledger = new Ledger(AT);
    ledger.add('a', [batch(1)], AT);
    ledger.add('b', [batch(1)], AT + HOUR_MS / 2);
    expect([...ledger.delivered.keys()]).toEqual(['a', 'b']);
    ledger.add('b', [batch(2)], AT + HOUR_MS / 2 + 1);
    expect([...ledger.delivered.keys()]).toEqual(['b']);
  });

  it('values a hit at the mean that the same kind of question took, and at nothing where that is not known', () => {
    const ledger = new Ledger(AT);
    ledger.add('a', [batch(1, { [SAVED]: 5 })], AT);
    expect(ledger.totals.series.counters.get(SAVED)).toBe(0);
    ledger.add('b', [batch(1, {}, { histograms: waits(100, 1) })], AT);
    ledger.add('c', [batch(1, { [SAVED]: 4, 'savedSeconds||blob|get': 9 }, { histograms: waits(300, 1) })], AT);
    expect(ledger.totals.series.counters.get(SAVED)).toBeCloseTo(0.8);
    expect(ledger.totals.series.counters.get('savedSeconds||blob|get')).toBe(0);
    expect(ledger.hourly()[0]?.counters.get(SAVED)).toBeCloseTo(0.8);
  });

  it('keeps the sums of 48 hours, of what the page shows', () => {
    const ledger = new Ledger(AT);
    for (let hour = 0; hour < 60; hour++) {
      ledger.add('a', [batch(hour + 1, { [HITS]: hour, 'writeBacks||done': 1 })], AT + hour * HOUR_MS);
    }
    const hours = ledger.hourly();
    expect(hours).toHaveLength(48);
    expect(hours[0]).toEqual({ startsAt: Date.UTC(2026, 5, 2, 0), counters: new Map([[HITS, 12]]) });
    expect(ledger.totals.series.counters.get('writeBacks||done')).toBe(60);
  });

  it('keeps the lists of two days', () => {
    const ledger = new Ledger(AT);
    for (let day = 0; day < 4; day++) {
      const tops = new Tops();
      tops.note(answered({ method: 'GET', client: `client ${day}` }), 'hit');
      ledger.add('a', [batch(day + 1, {}, { tops: tops.lists })], AT + day * 24 * HOUR_MS);
    }
    expect([...ledger.tops().clients.keys()].sort()).toEqual(['client 2', 'client 3']);
  });
});

describe('bounds', () => {
  it('a series for which there is no room is counted, and those that are known go on', () => {
    const counts = new Counts(2);
    for (const labels of ['a', 'b', 'c', 'd', 'a']) counts.add('collapsed', labels);
    expect(Object.fromEntries(counts.series.counters)).toEqual({ 'collapsed|a': 2, 'collapsed|b': 1, 'dropped|': 2 });
  });

  it('whoever asks most stays in a list, whatever others ask', () => {
    const tops = new Tops();
    for (let n = 0; n < 5_000; n++) {
      tops.note(answered({ repository: `strange/${n}` }), 'hit');
      if (n % 10 === 0) tops.note(answered({ repository: 'team/app' }), 'hit');
    }
    expect(tops.lists.repositories.size).toBeLessThanOrEqual(4 * MAX_LISTED);
    expect(topOf(tops.lists.repositories)).toHaveLength(MAX_LISTED);
    expect(topOf(tops.lists.repositories)[0]).toEqual([' team/app', 500]);
  });

  it('the slowest requests are kept, the slowest first', () => {
    const tops = new Tops();
    for (let ms = 0; ms < 100; ms++) tops.note(answered({ ms: (ms * 37) % 100 }), 'miss');
    expect(tops.lists.slowest.map(({ ms }) => ms)).toEqual(Array.from({ length: 20 }, (_, at) => 99 - at));
  });

  it('a time falls into the first bucket that it does not exceed', () => {
    const counts = new Counts(1);
    for (const ms of [0, 5, 5.1, 30_000, 31_000]) observe(counts.histogram('durations', ''), ms);
    expect([...counts.series.histograms.values()]).toEqual([[61.0101, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]]);
  });
});
