import { lru } from 'tiny-lru';

/** How many tombstones are kept individually; the others are merged into one. */
const MAX_TOMBSTONES = 1_000;

/**
 * The tombstones in this isolate's memory. They are kept apart from the entries, so that no flood of entries pushes a
 * tombstone out. When a flood of tombstones does, every entry that was confirmed until the evicted tombstone counts as
 * cleared, whatever its key: that costs some misses, but never revives an entry.
 */
export interface Tombstones {
  isEmpty(): boolean;
  /** Returns the tombstone of a key: entries confirmed until then do not count (epoch ms). 0: there is none. */
  until(key: string): number;
  /** Writes a tombstone, unless the existing one reaches farther. */
  extend(key: string, untilMs: number): void;
}

export function createTombstones(): Tombstones {
  let allUntil = 0;
  const tombstones = lru<number>(MAX_TOMBSTONES);
  tombstones.onEvict(({ value: until }) => {
    allUntil = Math.max(allUntil, until);
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
