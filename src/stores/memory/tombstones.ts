import { LRUCache } from 'lru-cache';

/** Tombstones kept one by one; older ones are kept as one, see below. */
const MAX_TOMBSTONES = 1_000;

/**
 * Tombstones in this isolate's memory, apart from what they bury, so that no flood of entries pushes one out. When a
 * flood of tombstones does, everything confirmed before the one that fell out counts as cleared: some misses, and never a
 * revived entry.
 */
export interface Tombstones {
  isEmpty(): boolean;
  /** Until when what stands under the key does not count (epoch ms); 0: there is no tombstone. */
  until(key: string): number;
  /** The farther reach stands. */
  extend(key: string, untilMs: number): void;
}

export function createTombstones(): Tombstones {
  let allUntil = 0;
  const tombstones = new LRUCache<string, number>({
    max: MAX_TOMBSTONES,
    dispose: (until, _key, reason) => {
      if (reason === 'evict') allUntil = Math.max(allUntil, until);
    },
  });
  function until(key: string): number {
    return Math.max(tombstones.get(key) ?? 0, allUntil);
  }
  return {
    isEmpty: () => tombstones.size === 0,
    until,
    extend(key, untilMs) {
      if (until(key) < untilMs) tombstones.set(key, untilMs);
    },
  };
}
