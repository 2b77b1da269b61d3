/** What every store is told of what it keeps. */
export interface StoreOptions {
  /** How long an entry can be of use, in ms. */
  readonly retentionMs: number;
  /**
   * The farthest that a tombstone reaches into the future, in ms; without it, what two clocks may differ. Every key lives
   * for this and the retention after its last write: else an entry that a tombstone buries could outlive it.
   */
  readonly maxClearedForMs?: number;
  /**
   * Entries are confirmed without any credential, for everybody (an open mirror). In one store they are kept apart from
   * those that were confirmed to a caller, and do not count as such nor the other way round; tombstones hold for both.
   */
  readonly isOpen: boolean;
}

/** A store gets this long in all; what has not answered then has failed. */
export const STORE_TIMEOUT_MS = 1_000;
/** The same for content, of which there may be 4 MiB. Callers wait for it no longer than for anything else. */
export const CONTENT_TIMEOUT_MS = 5_000;
