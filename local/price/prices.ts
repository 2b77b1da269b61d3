/** What is billed. */
export type Unit =
  | 'workersRequests'
  | 'kvReads'
  | 'kvWrites'
  | 'objectRequests'
  | 'rowReads'
  | 'rowWrites'
  | 'redisCommands'
  | 'bucketReads'
  | 'bucketPuts';

export interface Price {
  /** US dollars for a million. */
  readonly aMillion: number;
  /** How many a month the paid plan includes. */
  readonly included: number;
  /** How many a day the free plan allows; absent: it is counted by the month. */
  readonly freeADay?: number;
  readonly freeAMonth?: number;
}

/** When these were published, and where. */
export const PRICES_OF = {
  cloudflare: '21 April 2026',
  objects: '25 November 2026',
  upstash: '9 November 2026',
} as const;

/**
 * - Cloudflare: developers.cloudflare.com/workers/platform/pricing, /kv/platform/pricing and /r2/pricing; a bulk read of
 *   KV is billed by its keys, absent ones too.
 * - Durable Objects with SQLite: developers.cloudflare.com/durable-objects/platform/pricing; each request to an object
 *   is billed, and each row that it reads or writes.
 * - Upstash: upstash.com/pricing/redis, pay as you go; here every command of a pipeline counts.
 */
export const PRICES: Readonly<Record<Unit, Price>> = {
  workersRequests: { aMillion: 0.3, included: 10_000_000, freeADay: 100_000 },
  kvReads: { aMillion: 0.5, included: 10_000_000, freeADay: 100_000 },
  kvWrites: { aMillion: 5, included: 1_000_000, freeADay: 1_000 },
  objectRequests: { aMillion: 0.15, included: 1_000_000, freeADay: 100_000 },
  rowReads: { aMillion: 0.001, included: 25_000_000_000, freeADay: 5_000_000 },
  rowWrites: { aMillion: 1, included: 50_000_000, freeADay: 100_000 },
  redisCommands: { aMillion: 2, included: 0, freeAMonth: 500_000 },
  bucketReads: { aMillion: 0.36, included: 10_000_000, freeAMonth: 10_000_000 },
  bucketPuts: { aMillion: 4.5, included: 1_000_000, freeAMonth: 1_000_000 },
};

/** The paid plan of Workers, in US dollars a month. */
export const PAID_PLAN = 5;
export const DAYS_A_MONTH = 30;
export const SECONDS_A_MONTH = DAYS_A_MONTH * 86_400;

/** What the platforms bear, as they publish it. */
export const LIMITS = {
  /** A soft limit of one Durable Object. */
  objectRequestsASecond: 1_000,
  /** Of KV; a write that is refused costs speed alone. */
  kvWritesASecondForAKey: 1,
  /** Of an Upstash database, free or paid. */
  redisCommandsASecond: 10_000,
  /** Requests that one request to a Worker may make. */
  subrequests: { free: 50, paid: 10_000 },
} as const;

/** Returns how many the free plan allows a day. */
export function freeADay({ freeADay, freeAMonth = 0 }: Price): number {
  return freeADay ?? freeAMonth / DAYS_A_MONTH;
}
