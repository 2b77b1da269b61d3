import type { Cost, KnownStore } from './costs.ts';
import { freeADay, PAID_PLAN, PRICES, type Unit } from './prices.ts';

/** How many of what is billed. */
export type Usage = Partial<Readonly<Record<Unit, number>>>;

/** Returns what a cost in a store is billed as. */
export function billedAs(store: KnownStore, { storeRequests, operations: { reads, writes } }: Cost): Usage {
  switch (store) {
    case 'kv':
      return { kvReads: reads, kvWrites: writes };
    case 'durable':
      return { objectRequests: storeRequests, rowReads: reads, rowWrites: writes };
    case 'redis':
      return { redisCommands: reads + writes };
    case 'memory':
      return {};
  }
}

function unitsOf(usage: Usage): [Unit, number][] {
  return Object.entries(usage) as [Unit, number][];
}

/** Returns the price in US dollars, without what a plan includes. */
export function priceOf(usage: Usage): number {
  return unitsOf(usage).reduce((sum, [unit, count]) => sum + (count * PRICES[unit].aMillion) / 1e6, 0);
}

/** Returns the bill of a month with the paid plan of Workers, in US dollars. */
export function billOf(usage: Usage): number {
  const beyond = unitsOf(usage).map(([unit, count]) => [unit, Math.max(0, count - PRICES[unit].included)] as const);
  return PAID_PLAN + priceOf(Object.fromEntries(beyond));
}

/** Returns how often as much the free plans allow a day, and what ends it. */
export function freeTimes(usageOfADay: Usage): { readonly times: number; readonly unit: Unit } {
  const all = unitsOf(usageOfADay).map(([unit, count]) => ({ unit, times: freeADay(PRICES[unit]) / count }));
  return all.reduce((least, one) => (one.times < least.times ? one : least), {
    unit: 'workersRequests',
    times: Number.POSITIVE_INFINITY,
  });
}
