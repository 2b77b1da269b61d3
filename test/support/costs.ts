/** The stores whose costs are counted. */
export type KnownStore = 'memory' | 'kv' | 'durable' | 'redis';

/**
 * The cost of one lookup in a store, or of one write to it: the round trips take the time, the operations are billed.
 */
export interface Cost {
  /** Round trips. */
  readonly storeRequests: number;
  /** As they are billed: keys on KV, commands on Redis. */
  readonly operations: { readonly reads: number; readonly writes: number };
}

/**
 * The exact costs of a descriptor on each backend. test/routes/registry/costs.test.ts counts them for every kind of
 * HEAD, and the benchmark prices them. `warm`: a lookup that finds it; `writeBack`: storing what the origin confirmed.
 */
export const COSTS = {
  memory: {
    warm: { storeRequests: 0, operations: { reads: 0, writes: 0 } },
    writeBack: { storeRequests: 0, operations: { reads: 0, writes: 0 } },
  },
  kv: {
    warm: { storeRequests: 1, operations: { reads: 2, writes: 0 } },
    writeBack: { storeRequests: 1, operations: { reads: 0, writes: 1 } },
  },
  durable: {
    warm: { storeRequests: 1, operations: { reads: 1, writes: 0 } },
    writeBack: { storeRequests: 1, operations: { reads: 0, writes: 1 } },
  },
  redis: {
    warm: { storeRequests: 1, operations: { reads: 3, writes: 0 } },
    writeBack: { storeRequests: 1, operations: { reads: 0, writes: 7 } },
  },
} as const satisfies Record<KnownStore, Record<'warm' | 'writeBack', Cost>>;
