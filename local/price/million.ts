import { COSTS, type KnownStore, sumOf } from './costs.ts';
import { billedAs, freeTimes, priceOf } from './usage.ts';

/** The head of the table of docs/benchmarks.md. */
export const MILLION_HEAD = ['store', 'HEAD', 'Workers', 'store', 'together', 'a day on free plans'] as const;

/** What a million HEADs cost on paid plans, without what they include, and how many a day the free plans allow. */
export function millionLines(): string[][] {
  return (Object.keys(COSTS) as KnownStore[]).flatMap((store) => {
    const { warm, writeBack } = COSTS[store];
    return [
      ['warm', warm] as const,
      // A look, the origin, and a write.
      ['cold', sumOf(warm, writeBack)] as const,
    ].map(([kind, cost]) => {
      const one = billedAs(store, cost);
      const [workers, stores] = [priceOf({ workersRequests: 1e6 }), priceOf(one) * 1e6];
      const { times } = freeTimes({ workersRequests: 1, ...one });
      const free = Math.floor(times).toLocaleString('en');
      return [store, kind, dollars(workers), dollars(stores), dollars(workers + stores), free];
    });
  });
}

/** What a million GETs of blobs cost with `BLOB_STORE=r2`: the lines of docs/operations.md. */
export function bytesLine(bucketReads: number, bucketPuts: number): string {
  return dollars(priceOf({ workersRequests: 1e6, bucketReads: bucketReads * 1e6, bucketPuts: bucketPuts * 1e6 }));
}

export function dollars(price: number): string {
  return `$${price.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}
