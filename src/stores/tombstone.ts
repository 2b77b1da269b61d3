/**
 * The clocks of two isolates may differ by this much. The tombstone of a delete, an event or a purge reaches at least
 * as far into the future. Otherwise an entry that an isolate with a fast clock confirmed just before the clear would
 * seem to be confirmed after it.
 */
export const CLOCK_SKEW_MS = 5_000;

/** An origin that did not answer a delete may still carry it out this much later. */
const UNKNOWN_OUTCOME_MS = 60_000;

/** How to clear entries. */
export interface Clearing {
  /**
   * The tombstone: entries confirmed until then do not count (epoch ms). An existing one that reaches farther stays.
   */
  readonly until: number;
  /**
   * How far the tombstone reaches into the future, in ms, for a store that has a clock of its own; absent if it does
   * not reach ahead.
   */
  readonly aheadMs?: number;
  /** Whether to keep entries that were confirmed after the tombstone. */
  readonly sparesLater: boolean;
  /** Whether an entry is written right after, so that a store need not remove a malformed value first. */
  readonly isReplaced?: boolean;
}

/** Returns how far the tombstones of a delete reach, in ms: while it is in progress, and if its outcome is unknown. */
export function tombstoneDurations(originTimeoutMs: number): {
  readonly inProgressMs: number;
  readonly unknownOutcomeMs: number;
} {
  return { inProgressMs: originTimeoutMs + CLOCK_SKEW_MS, unknownOutcomeMs: UNKNOWN_OUTCOME_MS };
}

/** Clears every entry. The tombstone reaches ahead by `clearedForMs`, and by at least `CLOCK_SKEW_MS`. */
export function clearingAhead(nowMs: number, clearedForMs = 0): Clearing {
  const aheadMs = Math.max(clearedForMs, CLOCK_SKEW_MS);
  return { until: nowMs + aheadMs, aheadMs, sparesLater: false };
}

/** Clears the entries that were confirmed before a request was sent, and keeps those that were confirmed later. */
export function clearingUpTo(sentAtMs: number, isReplaced = false): Clearing {
  return { until: sentAtMs, sparesLater: true, isReplaced };
}

/** Whether an entry confirmed at `verifiedAt` counts despite a tombstone; `clearedUntil` 0: there is none. */
export function isAlive(verifiedAt: number, clearedUntil: number): boolean {
  return verifiedAt > clearedUntil || clearedUntil === 0;
}
