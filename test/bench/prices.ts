import { COSTS } from '../support/costs.ts';
import { table } from './report.ts';

/**
 * Published prices, in US dollars for a million; what the paid plans include is ignored here.
 * - Cloudflare, 21 April 2026: developers.cloudflare.com/workers/platform/pricing and /kv/platform/pricing; a bulk read
 *   is billed by its keys, absent ones too.
 * - Upstash, 9 November 2026: upstash.com/pricing/redis, pay as you go; here every command of a pipeline counts.
 */
const DOLLARS_A_MILLION = {
  workersRequests: 0.3,
  kvReads: 0.5,
  kvWrites: 5,
  redisCommands: 2,
} as const;

/** What the free plans include a day, from the same pages. */
const FREE_A_DAY = {
  workersRequests: 100_000,
  kvReads: 100_000,
  kvWrites: 1_000,
  // Upstash allows 500,000 a month.
  redisCommands: 500_000 / 30,
} as const;

type Backend = keyof typeof COSTS;

interface Operations {
  readonly reads: number;
  readonly writes: number;
}

/**
 * A table of what a million HEADs cost on paid plans, and how many a day the free plans allow, by backend; its sources.
 */
export function pricesReport(): string {
  const lines = (Object.keys(COSTS) as Backend[]).flatMap((backend) => {
    const { warm, writeBack } = COSTS[backend];
    const cold = {
      reads: warm.operations.reads + writeBack.operations.reads,
      writes: warm.operations.writes + writeBack.operations.writes,
    };
    return [lineOf(backend, 'warm', warm.operations), lineOf(backend, 'cold', cold)];
  });
  return [
    table(['store', 'HEAD', 'Workers', 'store', 'together', 'a day on free plans'], lines),
    'Prices of a million HEADs in US dollars, from the operations that each needs (test/support/costs.ts) and the prices ' +
      'that Cloudflare published on 21 April 2026 and Upstash (pay as you go) on 9 November 2026, without what paid plans ' +
      'include. A cold HEAD reads the store, asks the origin and writes back; the price of the origin is not included.',
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
function storePrice(backend: Backend, { reads, writes }: Operations): number {
  if (backend === 'kv') return reads * DOLLARS_A_MILLION.kvReads + writes * DOLLARS_A_MILLION.kvWrites;
  return backend === 'redis' ? (reads + writes) * DOLLARS_A_MILLION.redisCommands : 0;
}

function freeADay(backend: Backend, { reads, writes }: Operations): number {
  const allowed: number[] = [FREE_A_DAY.workersRequests];
  if (backend === 'kv') allowed.push(FREE_A_DAY.kvReads / reads, FREE_A_DAY.kvWrites / writes);
  if (backend === 'redis') allowed.push(FREE_A_DAY.redisCommands / (reads + writes));
  return Math.min(...allowed);
}

function dollars(price: number): string {
  return `$${price.toFixed(2)}`;
}
