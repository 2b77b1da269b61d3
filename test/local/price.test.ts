import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { freePlanOf, nextBottleneck, subrequestsText } from '../../local/price/bottlenecks.ts';
import { pullsIn, requestsOfPull, requestsOfPush, usageOf } from '../../local/price/load.ts';
import { bytesLine, MILLION_HEAD, millionLines } from '../../local/price/million.ts';
import { monthReport } from '../../local/price/month.ts';
import { readOptions } from '../../local/price/options.ts';
import { PAID_PLAN, PRICES_OF } from '../../local/price/prices.ts';
import { billOf, priceOf } from '../../local/price/usage.ts';

/** A page with one space where it has several. */
const pageOf = (name: string) => readFileSync(`docs/${name}.md`, 'utf8').replace(/[ \n]+/g, ' ');
const rowOf = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const ANSWERS = { hits: 0.5, memory: 0.5 };

describe('the prices in the documents', () => {
  it('are those of a million HEADs on each store, by the counted costs', () => {
    const page = pageOf('benchmarks');
    for (const row of [MILLION_HEAD, ...millionLines()]) expect(page).toContain(rowOf(row));
    for (const date of Object.values(PRICES_OF)) expect(page).toContain(date);
  });

  it('are those of storage.md', () => {
    const [, , warmKv, coldKv, warm, cold, warmRedis, coldRedis] = millionLines().map((line) => line[4]);
    const page = pageOf('storage');
    for (const text of [`${warm} and ${cold}`, `${warmRedis} and ${coldRedis}`, `${warmKv} and ${coldKv}`]) {
      expect(page).toContain(text);
    }
  });

  it('are those of a million GETs of blobs with R2', () => {
    const rows = [...pageOf('operations').matchAll(/\| (\d) \| (\d) \| [^|]+ \| (\$[\d.]+) \|/g)];
    expect(rows.length).toBe(6);
    for (const [, reads, puts, price] of rows) expect(bytesLine(Number(reads), Number(puts))).toBe(price);
  });

  it('are those of a month, as the command prints them', () => {
    const [, table = ''] = monthReport(1e8, readOptions([])).split('\n\n');
    for (const row of table.split('\n').filter((line) => !line.startsWith('| ---'))) {
      expect(pageOf('benchmarks')).toContain(row.replace(/ +/g, ' '));
    }
  });
});

describe('a bill', () => {
  it('has the plan, and only what is beyond what that includes', () => {
    expect(billOf({ workersRequests: 10_000_000, kvReads: 10_000_000, kvWrites: 1_000_000 })).toBe(PAID_PLAN);
    expect(billOf({ workersRequests: 11_000_000, kvWrites: 1_100_000 })).toBeCloseTo(PAID_PLAN + 0.3 + 0.5);
    expect(priceOf({ workersRequests: 11_000_000 })).toBeCloseTo(3.3);
  });

  it('counts pulls and pushes by their requests, and by what the cache answers', () => {
    const load = { requests: 1_000 * requestsOfPull(3) + 10 * requestsOfPush(3), pushes: 10, layers: 3 };
    expect(pullsIn(load)).toBe(1_000);
    const questions = 2_000 + 10 * 4;
    // Half of half of the questions are answered from memory, and half of them are misses.
    // The GETs of manifests read content as well.
    const reads = questions * 0.75 * 2 + 1_000 * 0.75 + 10 * 4 * 2;
    const writes = questions * 0.5 + 10 * 4;
    expect(usageOf('kv', load, ANSWERS)).toEqual({ workersRequests: load.requests, kvReads: reads, kvWrites: writes });
    expect(() => pullsIn({ ...load, requests: 50 })).toThrow('--requests: expected at least 100');
  });

  it('of all hits from memory is that of Workers alone', () => {
    const load = { requests: 1e6, pushes: 0, layers: 3 };
    const usage = usageOf('kv', load, { hits: 1, memory: 1 });
    expect(usage).toEqual({ workersRequests: 1e6, kvReads: 0, kvWrites: 0 });
  });
});

describe('what comes to its end first', () => {
  const usage = { workersRequests: 3e7, objectRequests: 2_592_000 * 100, rowWrites: 30 * 50_000 };

  it('is one object on Durable Objects, the commands on Redis, and the writes of one key on KV', () => {
    const even = { peak: 1, busiest: 1 };
    const load = { requests: 1e9, pushes: 0, layers: 3 };
    expect(nextBottleneck('durable', load, usage, even)?.times).toBeCloseTo(10);
    expect(nextBottleneck('durable', load, usage, { peak: 5, busiest: 0.5 })?.times).toBeCloseTo(4);
    expect(nextBottleneck('redis', load, { redisCommands: 2_592_000 * 1_000 }, even)?.times).toBeCloseTo(10);
    expect(nextBottleneck('kv', load, { kvWrites: 2_592_000 }, even)?.times).toBeCloseTo(5);
    expect(nextBottleneck('memory', load, usage, even)).toBe(undefined);
  });

  it('is the scarcest of the free plans', () => {
    expect(freePlanOf({ workersRequests: 30 * 50_000, kvWrites: 30 * 4_000 })).toEqual({
      what: 'writes of KV',
      times: 0.25,
    });
    expect(freePlanOf({ workersRequests: 30 * 50_000, kvWrites: 30 })).toMatchObject({ what: 'requests to Workers' });
  });

  it('may be the subrequests of a push with many layers', () => {
    expect(subrequestsText({ requests: 1, pushes: 1, layers: 10 })).toContain('enough');
    expect(subrequestsText({ requests: 1, pushes: 1, layers: 60 })).toContain('too many on free plans');
  });
});

describe('the options of npm run price', () => {
  it('name a range by its ends', () => {
    expect(readOptions(['--requests', '1e6..1e9']).requests).toEqual([1e6, 1e7, 1e8, 1e9]);
    expect(readOptions(['--requests', '5e6']).requests).toEqual([5e6]);
    expect(readOptions(['--store', 'redis', '--ttl', 'TAG_TTL=1m,DESCRIPTOR_TTL=6h'])).toMatchObject({
      stores: ['redis'],
      choices: [{ TAG_TTL: '1m', DESCRIPTOR_TTL: '6h' }],
    });
  });

  it.each([
    [['--requests', 'many'], '--requests: expected a whole number'],
    [['--requests', '1e9..1e6'], '--requests: expected the smaller number first'],
    [['--requests', '1e6..1e7', '--simulate'], '--requests: expected one number with --simulate'],
    [['--store', 'etcd'], '--store: expected one of memory, kv, durable, redis'],
    [['--hits', '1.5'], '--hits: expected a number from 0 to 1'],
    [['--peak', '0'], '--peak: expected a number from 1 to 1000'],
    [['--pushes', '1.5'], '--pushes: expected a whole number'],
    [['--ttl', 'TAG_TTL'], '--ttl: expected a variable and its value'],
    [['--ttl', 'TAG_TTL=1m,TAG_TLL=1m'], '--ttl: TAG_TLL is no variable of the edge'],
    [['--requests', '1e6..1e7..1e8'], '--requests: expected one number, or two'],
  ])('%j: the error says what to do', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
