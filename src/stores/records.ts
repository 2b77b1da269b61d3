import type { RequestContext } from '../context.ts';
import type { BadRecord } from './faults.ts';

/** What a store holds under one key. */
export interface Stored<V> {
  readonly value: V | undefined;
  /** The tombstone: what was confirmed until then does not count (epoch ms). 0: there is none. */
  readonly clearedUntil: number;
  /** The key is there but its value is not: whoever cleared it did not finish. */
  readonly isHalfCleared?: boolean;
  /** When the store was read, by its own clock (epoch ms); absent if it has none. */
  readonly lookedAt?: number;
}

/**
 * Values of one kind, by key. A store keeps and returns values as they are. Whether a value is valid and whether it
 * counts is decided once for all stores, in `cache/`. The store decides one thing only: of two tombstones the one that
 * reaches farther stays.
 */
export interface Records<K, V> {
  /** Reads keys, in one request. @returns what is stored for each key, or a `BadRecord` */
  read(ctx: RequestContext, keys: readonly K[]): Promise<readonly (Stored<V> | BadRecord)[]>;
  /**
   * Writes the value under each of the keys; in one step if the store can.
   * @param lookedAt as `read` returned it before the origin was asked for the value: a store with a clock of its own
   *   refuses what was asked for before its tombstone, whatever other clocks say
   * @returns `refused` if a tombstone hides the value, from a store that finds out
   */
  write(ctx: RequestContext, keys: ReadonlySet<K>, value: V, lookedAt?: number): Promise<'refused' | undefined>;
}
