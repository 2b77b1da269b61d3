import { COSTS } from '../support/costs.ts';
import { table } from './report.ts';

/**
 * What is published, in US dollars for a million; paid plans include a first part of each, which is left out here.
 * - Cloudflare, 21 April 2026: developers.cloudflare.com/workers/platform/pricing and /kv/platform/pricing; a bulk read is
 *   billed by its keys, absent ones too.
 * - Upstash, 9 November 2026: upstash.com/pricing/redis, pay as you go; every command of a pipeline is taken for one.
 */
const DOLLARS_A_MILLION = {
  workersRequests: 0.3,
  kvReads: 0.5,
  kvWrites: 5,
  redisCommands: 2,
} as const;

/** What the same pages give for nothing, a day. */
const FREE_A_DAY = {
  workersRequests: 100_000,
  kvReads: 100_000,
  kvWrites: 1_000,
  // 500,000 a month.
  redisCommands: 500_000 / 30,
} as const;

type Backend = keyof typeof COSTS;

interface Operations {
  readonly reads: number;
  readonly writes: number;
}

/** What a million HEADs cost on paid plans, and how many a day the free ones allow, by backend: a table and its source. */
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
    'Prices of a million HEADs in US dollars, from what each was counted to cost (test/support/costs.ts), as published by ' +
      'Cloudflare on 21 April 2026 and Upstash (pay as you go) on 9 November 2026, beyond what paid plans include. A cold ' +
      'HEAD looks, asks the origin and writes back; what the origin charges is not in it.',
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

/** Of a million. */
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
