import { freePlanOf, nextBottleneck, percent, subrequestsText } from './bottlenecks.ts';
import type { KnownStore } from './costs.ts';
import { pullsIn, usageOf } from './load.ts';
import { dollars } from './million.ts';
import type { PriceOptions } from './options.ts';
import { tableOf } from './table.ts';
import { billOf, priceOf } from './usage.ts';

const HEAD = ['store', 'Workers', 'store', 'bill a month', 'free plans', 'next bottleneck'] as const;

/** Returns what a month costs with each store, and what comes to its end first. */
export function monthReport(requests: number, options: PriceOptions): string {
  const load = { requests, pushes: options.pushes ?? Math.round(requests / 1_000), layers: options.layers };
  const pulls = pullsIn(load);
  const title = `${count(requests)} requests a month: ${count(pulls)} pulls and ${count(load.pushes)} pushes of ${load.layers} layers`;
  const line = (store: KnownStore) => {
    const usage = usageOf(store, load, options.answers);
    const { workersRequests = 0, ...ofStore } = usage;
    const free = freePlanOf(usage);
    const next = nextBottleneck(store, load, usage, options.unevenness);
    return [
      store,
      dollars(priceOf({ workersRequests })),
      dollars(priceOf(ofStore)),
      dollars(billOf(usage)),
      free.times >= 1 ? `enough, up to ${timesOf(free.times)}` : `for ${percent(free.times)}: ${free.what}`,
      next ? `${next.what}: ${describeReach(next.times)}` : 'none',
    ];
  };
  return `${title}\n\n${tableOf(HEAD, options.stores.map(line))}\n\n${subrequestsText(load)}`;
}

function describeReach(times: number): string {
  return times >= 1 ? `at ${timesOf(times)} this load` : `exceeded ${timesOf(1 / times)}`;
}

export function count(number: number): string {
  return Math.round(number).toLocaleString('en');
}

/** Writes how many times, to two digits. */
function timesOf(times: number): string {
  return `${times < 10 ? times.toFixed(1) : Number(times.toPrecision(2)).toLocaleString('en')} times`;
}
