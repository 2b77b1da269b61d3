import type { Series } from './counts.ts';
import type { Batch } from './gathered.ts';
import type { SlowRequest } from './tops.ts';

/** All counts since the object began. */
export interface Totals extends Series {
  /** Epoch ms. */
  readonly since: number;
  /** Requests of the last day or two; keys as in `TopLists`. The greatest come first. */
  readonly repositories: readonly Ranked[];
  readonly clients: readonly Ranked[];
}

export type Ranked = readonly [key: string, requests: number];

/** One hour of the counters that are kept by hour. */
export interface Hour {
  /** Epoch ms. */
  readonly startsAt: number;
  /** By their keys, as in `Series`. */
  readonly counters: ReadonlyMap<string, number>;
}

/** Everything that the object knows. */
export interface Report extends Totals {
  /** The last 48, the oldest first. An hour in which nothing was counted is left out. */
  readonly hours: readonly Hour[];
  readonly tags: readonly Ranked[];
  /** The slowest of the last day or two. */
  readonly slowest: readonly SlowRequest[];
}

/** The methods of the object that gathers the counts of all isolates. */
export interface MetricsRpc {
  /**
   * Adds batches, each only once.
   * @param isolate a name that no other one has
   * @param batches all that the isolate does not know to be added, in their order
   * @returns the number of the last batch of this isolate that is added and stored
   */
  add(isolate: string, batches: readonly Batch[]): Promise<number>;
  totals(): Promise<Totals>;
  report(): Promise<Report>;
}

/** The methods of a namespace of Durable Objects that the edge uses; the binding `METRICS`. */
export interface MetricsNamespace {
  idFromName(name: string): unknown;
  get(id: unknown, options?: { readonly locationHint?: string | undefined }): MetricsRpc;
  jurisdiction(name: string): MetricsNamespace;
}
