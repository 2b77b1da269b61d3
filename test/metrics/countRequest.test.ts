import { describe, expect, it } from 'vitest';
import { countEvent } from '../../src/metrics/countEvent.ts';
import { type AnsweredRequest, countRequest } from '../../src/metrics/countRequest.ts';
import { Gathered } from '../../src/metrics/gathered.ts';
import type { EdgeEvent } from '../../src/telemetry/events.ts';
import { answered } from '../support/metrics.ts';

/** Counts requests. @returns the counters by their keys, and the histograms as how many values and their sum */
function count(...requests: Partial<AnsweredRequest>[]) {
  const gathered = new Gathered();
  for (const request of requests) countRequest(gathered, answered(request));
  const { counters, histograms } = gathered.counts.series;
  const times = [...histograms].map(([key, [sum = 0, ...counts]]) => [
    key,
    [counts.reduce((all, one) => all + one), Math.round(sum * 1_000)],
  ]);
  return { counters: Object.fromEntries(counters), times: Object.fromEntries(times), tops: gathered.tops.lists };
}

const ORIGIN: EdgeEvent = { kind: 'origin', method: 'HEAD', outcome: 200, ms: 40 };
const MISS: EdgeEvent = { kind: 'forward', reason: 'miss' };

describe('countRequest', () => {
  it('counts a hit, the question that the origin was spared, and a time whose worth is known elsewhere', () => {
    expect(count({ ms: 4 })).toMatchObject({
      counters: {
        'requests||blob|head|200|hit': 1,
        'savedRequests||blob|head': 1,
        'savedSeconds||blob|head': 1,
      },
      times: { 'durations||blob|head|hit': [1, 4] },
    });
  });

  it('counts a stale hit as time that was saved, and as no question: the origin is asked afterwards', () => {
    const { counters } = count({ events: [{ kind: 'hit', staleMs: 5 }] });
    expect(counters).toEqual({
      'requests||blob|head|200|hit': 1,
      'staleHits|': 1,
      'savedRequests||blob|head': 0,
      'savedSeconds||blob|head': 1,
    });
  });

  it('counts why the cache did not answer, and for how long the origin was waited for', () => {
    const events = [MISS, ORIGIN, { ...ORIGIN, ms: 2 }];
    const unproven: EdgeEvent = { kind: 'forward', reason: 'miss', detail: 'unproven' };
    const { counters, times } = count({ events }, { events: [unproven, ORIGIN], status: 404 });
    expect(counters).toEqual({
      'requests||blob|head|200|miss': 1,
      'requests||blob|head|404|unproven': 1,
      'forwards||miss|': 1,
      'forwards||miss|unproven': 1,
    });
    // A 404 says nothing of what a hit would have saved.
    expect(times['originWaits||blob|head']).toEqual([1, 42]);
  });

  it('counts an answer that another question gave as one that the origin was spared', () => {
    expect(count({ events: [MISS, { kind: 'collapsed' }] }).counters).toHaveProperty('savedRequests||blob|head', 1);
  });

  it('counts GETs of content as a pull-through cache does', () => {
    const bytes: EdgeEvent = { kind: 'bytes', store: 'r2', outcome: 'hit', ms: 1 };
    const get = { method: 'GET', sentBytes: 100 };
    const { counters } = count(
      { ...get, events: [MISS, ORIGIN] },
      { ...get, status: 206, events: [{ kind: 'hit' }, bytes] },
      { ...get, handler: 'manifest', status: 304 },
      { ...get, handler: 'tags' },
    );
    expect(counters).toMatchObject({
      ...{ 'pulls||blob': 2, 'pullHits||blob': 1, 'pullMisses||blob': 1, 'pulledBytes||blob': 100 },
      ...{ 'pushedBytes||blob': 200, 'sent||blob': 200, 'savedBytes||blob|get': 100 },
    });
    expect(Object.keys(counters).filter((key) => key.startsWith('pulls'))).toEqual(['pulls||blob']);
  });

  it('counts bodies of accepted requests only', () => {
    const push = { handler: 'blob_upload_chunk', method: 'PUT', receivedBytes: 50, events: [] } as const;
    const { counters } = count({ ...push, status: 201 }, { ...push, status: 403 });
    expect(counters).toMatchObject({ 'received||blob_upload_chunk': 50 });
  });

  it('has one label for all methods that no registry knows', () => {
    const { counters } = count(
      ...['BREW', 'get', 'constructor'].map((method) => ({ method, status: 405, events: [] })),
    );
    expect(counters).toEqual({ 'requests||blob|other|405|none': 3 });
  });

  it('lists repositories and tags that exist, since anybody can ask for others, and everybody who asks', () => {
    const get = { method: 'GET' };
    const { tops } = count(
      { ...get, tag: 'v1' },
      { client: 'podman' },
      { ...get, repository: 'no/such', status: 404, client: 'curl' },
    );
    expect([...tops.repositories]).toEqual([[' team/app', 2]]);
    expect([...tops.tags]).toEqual([[' team/app:v1', 1]]);
    expect([...tops.clients]).toEqual([
      ['docker', 1],
      ['curl', 1],
    ]);
  });
});

describe('countEvent', () => {
  it.each<[EdgeEvent, Record<string, number>]>([
    [
      { kind: 'stat', store: 'kv', outcome: 'hit', ms: 1 },
      { 'looks|hub|kv': 1, 'lookHits|hub|kv': 1 },
    ],
    [{ kind: 'stat', store: 'kv', outcome: 'miss', ms: 1 }, { 'looks|hub|kv': 1 }],
    [
      { kind: 'stat', store: 'kv', outcome: 'fault', ms: 1 },
      { 'looks|hub|kv': 1, 'lookFaults|hub|kv': 1 },
    ],
    [ORIGIN, { 'originRequests|hub|head|200': 1 }],
    [{ ...ORIGIN, outcome: 'unreachable' }, { 'originRequests|hub|head|unreachable': 1 }],
    [{ kind: 'write-back', outcome: 'done' }, { 'writeBacks|hub|done': 1 }],
    [{ kind: 'evict', outcome: 'done' }, { 'clears|hub|evict|done': 1 }],
    [{ kind: 'heal' }, { 'heals|hub': 1 }],
    [
      { kind: 'check', needed: 5, asked: 3, gone: 1 },
      {
        'checks|hub|refused': 1,
        'checkedBlobs|hub|known': 2,
        'checkedBlobs|hub|confirmed': 2,
        'checkedBlobs|hub|gone': 1,
      },
    ],
    [
      { kind: 'check', needed: 2, asked: 0, gone: 0 },
      { 'checks|hub|passed': 1, 'checkedBlobs|hub|known': 2 },
    ],
    [{ kind: 'budget', outcome: 'spared', left: 3 }, { 'counted|hub|spared': 1 }],
    [{ kind: 'policy', policy: 'USERS', outcome: 'denied' }, { 'policies|hub|USERS|denied': 1 }],
    [
      { kind: 'notified', events: 3, changes: 2, unusable: 1 },
      { 'notified|hub|received': 3, 'notified|hub|unusable': 1 },
    ],
    [{ kind: 'access', outcome: 'granted' }, {}],
    [{ kind: 'hit' }, {}],
  ])('counts %j', (event, counters) => {
    const gathered = new Gathered();
    countEvent(gathered, 'hub', event);
    const counted = [...gathered.counts.series.counters].filter(([, count]) => count > 0);
    expect(Object.fromEntries(counted)).toEqual(counters);
  });

  it('observes times of stores that are shared, and of the origin', () => {
    const gathered = new Gathered();
    for (const store of ['memory', 'durable']) countEvent(gathered, '', { kind: 'stat', store, outcome: 'hit', ms: 7 });
    countEvent(gathered, '', ORIGIN);
    expect([...gathered.counts.series.histograms.keys()]).toEqual(['lookTimes||durable', 'originTimes||head']);
  });
});
