/** What one look into a store, or one write to it, costs: what is billed, and what takes the time. */
export interface Cost {
  /** Round trips. */
  readonly storeRequests: number;
  /** As they are billed: keys of KV, commands of Redis. */
  readonly operations: { readonly reads: number; readonly writes: number };
}

/**
 * The costs of a descriptor on each backend, exactly; test/routes/costs.test.ts counts them on every kind of HEAD, and
 * the benchmark prices them. `warm`: a look that finds it; `writeBack`: storing what the origin confirmed.
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
  redis: {
    warm: { storeRequests: 1, operations: { reads: 3, writes: 0 } },
    writeBack: { storeRequests: 1, operations: { reads: 0, writes: 7 } },
  },
} as const satisfies Record<'memory' | 'kv' | 'redis', Record<'warm' | 'writeBack', Cost>>;
