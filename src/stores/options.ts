/** The options of every store. */
export interface StoreOptions {
  /** How long an entry is of use to anybody after the origin confirmed it, in ms. */
  readonly retentionMs: number;
  /**
   * The farthest that a tombstone reaches into the future, in ms; `CLOCK_SKEW_MS` by default. After its last write
   * every key lives for this time plus the retention. Otherwise an entry could outlive the tombstone that hides it.
   */
  readonly maxClearedForMs?: number;
  /**
   * Whether the origin confirms entries without a credential, for everybody (an open mirror). A store keeps these apart
   * from the entries that were confirmed to a caller: neither kind counts as the other. Tombstones hold for both.
   */
  readonly isOpen: boolean;
}

/** The time limit of one operation on a store; an operation that takes longer has failed. */
export const STORE_TIMEOUT_MS = 1_000;
/** The time limit for content, which may have 4 MiB. A caller waits no longer for it than for anything else. */
export const CONTENT_TIMEOUT_MS = 5_000;
