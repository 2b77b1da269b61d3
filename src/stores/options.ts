import type { AskedAs } from '../http/identity.ts';
import type { Memory } from '../isolate/memory.ts';

/** The options of every store. */
export interface StoreOptions {
  /** Precedes every key, so that upstreams share nothing (`storePrefix`); empty for the default upstream. */
  readonly prefix: string;
  /** The base URL of the origin: what was confirmed by another one does not count. */
  readonly origin: string;
  /** This isolate's memory, in which no other upstream has a part. */
  readonly memory: Memory;
  /** How long an entry, a pointer or content is of use to anybody after the origin confirmed it, in ms. */
  readonly retentionMs: number;
  /**
   * The farthest that a tombstone reaches into the future, in ms. After its last write every key lives for this time
   * plus the retention. Otherwise an entry could outlive the tombstone that hides it.
   */
  readonly maxClearedForMs: number;
  /**
   * As whom the origin is asked. A store keeps entries that were confirmed to `nobody`, and so to everybody, apart from
   * those that were confirmed to a caller: neither kind counts as the other. Tombstones hold for both.
   */
  readonly askedAs: AskedAs;
}

/** The time limit of one operation on a store; an operation that takes longer has failed. */
export const STORE_TIMEOUT_MS = 1_000;
/** The time limit for content, which may have 4 MiB. A caller waits no longer for it than for anything else. */
export const CONTENT_TIMEOUT_MS = 5_000;
