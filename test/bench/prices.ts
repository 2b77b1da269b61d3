import { COSTS, type Cost } from '../support/costs.ts';
import { table } from './report.ts';

/**
 * Published prices, in US dollars for a million; what the paid plans include is ignored here.
 * - Cloudflare, 21 April 2026: developers.cloudflare.com/workers/platform/pricing and /kv/platform/pricing; a bulk read
 *   is billed by its keys, absent ones too.
 * - Durable Objects with SQLite, 25 November 2026: developers.cloudflare.com/durable-objects/platform/pricing; each
 *   request to an object is billed, and each row that it reads or writes.
 * - Upstash, 9 November 2026: upstash.com/pricing/redis, pay as you go; here every command of a pipeline counts.
 */
const DOLLARS_A_MILLION = {
  workersRequests: 0.3,
  kvReads: 0.5,
  kvWrites: 5,
  objectRequests: 0.15,
  rowReads: 0.001,
  rowWrites: 1,
  redisCommands: 2,
} as const;

/** What the free plans include a day, from the same pages. */
const FREE_A_DAY = {
  workersRequests: 100_000,
  kvReads: 100_000,
  kvWrites: 1_000,
  objectRequests: 100_000,
  rowReads: 5_000_000,
  rowWrites: 100_000,
  // Upstash allows 500,000 a month.
  redisCommands: 500_000 / 30,
} as const;

type Backend = keyof typeof COSTS;

interface Operations {
  readonly requests: number;
  readonly reads: number;
  readonly writes: number;
}

const operationsOf = ({ storeRequests, operations }: Cost): Operations => ({ requests: storeRequests, ...operations });

/**
 * A table of what a million HEADs cost on paid plans, and how many a day the free plans allow, by backend; its sources.
 */
export function pricesReport(): string {
  const lines = (Object.keys(COSTS) as Backend[]).flatMap((backend) => {
    const { warm, writeBack } = COSTS[backend];
    const [look, write] = [operationsOf(warm), operationsOf(writeBack)];
    const cold = {
      requests: look.requests + write.requests,
      reads: look.reads + write.reads,
      writes: look.writes + write.writes,
    };
    return [lineOf(backend, 'warm', look), lineOf(backend, 'cold', cold)];
  });
  return [
    table(['store', 'HEAD', 'Workers', 'store', 'together', 'a day on free plans'], lines),
    'Prices of a million HEADs in US dollars, from the operations that each needs (test/support/costs.ts) and the prices ' +
      'that Cloudflare published on 21 April 2026 (Durable Objects: 25 November) and Upstash (pay as you go) on 9 ' +
      'November 2026, without what paid plans include. A cold HEAD reads the store, asks the origin and writes back; ' +
      'the price of the origin is not included, nor that of the row that the sweep of a Durable Object deletes later.',
  ].join('\n\n');
}

function lineOf(backend: Backend, kind: string, operations: Operations): string[] {
  const store = storePrice(backend, operations);
  return [
    backend,
    kind,
    dollars(DOLLARS_A_MILLION.workersRequests),
    dollars(store),
    dollars(DOLLARS_A_MILLION.workersRequests + store),
    Math.floor(freeADay(backend, operations)).toLocaleString('en'),
  ];
}

/** The store's price of a million HEADs, in US dollars. */
function storePrice(backend: Backend, { requests, reads, writes }: Operations): number {
  if (backend === 'kv') return reads * DOLLARS_A_MILLION.kvReads + writes * DOLLARS_A_MILLION.kvWrites;
  if (backend === 'durable') {
    const { objectRequests, rowReads, rowWrites } = DOLLARS_A_MILLION;
    return requests * objectRequests + reads * rowReads + writes * rowWrites;
  }
  return backend === 'redis' ? (reads + writes) * DOLLARS_A_MILLION.redisCommands : 0;
}

function freeADay(backend: Backend, { requests, reads, writes }: Operations): number {
  const allowed: number[] = [FREE_A_DAY.workersRequests];
  if (backend === 'kv') allowed.push(FREE_A_DAY.kvReads / reads, FREE_A_DAY.kvWrites / writes);
  if (backend === 'durable') {
    allowed.push(FREE_A_DAY.objectRequests / requests, FREE_A_DAY.rowReads / reads, FREE_A_DAY.rowWrites / writes);
  }
  if (backend === 'redis') allowed.push(FREE_A_DAY.redisCommands / (reads + writes));
  return Math.min(...allowed);
}

function dollars(price: number): string {
  return `$${price.toFixed(2)}`;
}
