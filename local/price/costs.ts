/** The stores whose costs are counted. */
export type KnownStore = 'memory' | 'kv' | 'durable' | 'redis';

/**
 * The cost of one lookup in a store, or of one write to it: the round trips take the time, the operations are billed.
 */
export interface Cost {
  /** Round trips. */
  readonly storeRequests: number;
  /** As they are billed: keys on KV, rows of Durable Objects, commands on Redis. */
  readonly operations: { readonly reads: number; readonly writes: number };
}

export interface StoreCosts {
  /** A lookup of a descriptor. */
  readonly warm: Cost;
  /** Storing a descriptor that the origin confirmed. */
  readonly writeBack: Cost;
  /** The content of a manifest. */
  readonly content: { readonly read: Cost; readonly write: Cost };
  /** Where a tag points; `write`: it is confirmed anew, `push`: it was moved. KV keeps no tags. */
  readonly tag: { readonly read: Cost; readonly write: Cost; readonly push: Cost };
}

const NOTHING: Cost = { storeRequests: 0, operations: { reads: 0, writes: 0 } };
const reading = (reads: number): Cost => ({ storeRequests: 1, operations: { reads, writes: 0 } });
const writing = (writes: number, storeRequests = 1): Cost => ({ storeRequests, operations: { reads: 0, writes } });

/**
 * The exact costs on each backend. test/routes/registry/costs.test.ts, manifestCosts.test.ts and pushCosts.test.ts count
 * them for every kind of request, and `npm run price` and the benchmark price them.
 */
export const COSTS = {
  memory: {
    ...{ warm: NOTHING, writeBack: NOTHING },
    content: { read: NOTHING, write: NOTHING },
    tag: { read: NOTHING, write: NOTHING, push: NOTHING },
  },
  kv: {
    ...{ warm: reading(2), writeBack: writing(1) },
    content: { read: reading(1), write: writing(1) },
    tag: { read: NOTHING, write: NOTHING, push: NOTHING },
  },
  durable: {
    ...{ warm: reading(1), writeBack: writing(1) },
    content: { read: reading(1), write: writing(1) },
    // The new pointer and the descriptor are one request.
    tag: { read: reading(1), write: writing(1), push: writing(2) },
  },
  redis: {
    ...{ warm: reading(3), writeBack: writing(7) },
    content: { read: reading(1), write: writing(1) },
    // The old pointer goes, and the new one comes, by a script each.
    tag: { read: reading(1), write: writing(2), push: writing(2, 2) },
  },
} as const satisfies Record<KnownStore, StoreCosts>;

/** Adds costs up. */
export function sumOf(...costs: readonly Cost[]): Cost {
  const total = (number: (cost: Cost) => number) => costs.reduce((before, cost) => before + number(cost), 0);
  return {
    storeRequests: total(({ storeRequests }) => storeRequests),
    operations: {
      reads: total(({ operations }) => operations.reads),
      writes: total(({ operations }) => operations.writes),
    },
  };
}

/** Returns the cost of doing something so many times. */
export function times({ storeRequests, operations }: Cost, count: number): Cost {
  return {
    storeRequests: storeRequests * count,
    operations: { reads: operations.reads * count, writes: operations.writes * count },
  };
}
