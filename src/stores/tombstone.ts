/**
 * Clocks of two isolates may differ by this much. A tombstone of a delete, an event or a purge reaches at least as far
 * into the future, so that an entry which a fast clock confirmed before a slow clock's clear cannot count as confirmed
 * after it.
 */
export const CLOCK_SKEW_MS = 5_000;

/** An origin that did not answer a delete may delete this much later all the same. */
const UNKNOWN_OUTCOME_MS = 60_000;

/** How entries are cleared. */
export interface Clearing {
  /** Entries that were confirmed until then do not count (epoch ms). A tombstone that reaches farther stays. */
  readonly until: number;
  /** Whether entries that were confirmed after the tombstone are left where they are. */
  readonly sparesLater: boolean;
  /** Whether an entry is written there right after: a store that writes over what cannot be read has nothing to remove. */
  readonly isReplaced?: boolean;
}

/** How far the tombstones of a delete reach, in ms: while it is under way, and after an unknown outcome. */
export function tombstoneDurations(originTimeoutMs: number): {
  readonly inProgressMs: number;
  readonly unknownOutcomeMs: number;
} {
  return { inProgressMs: originTimeoutMs + CLOCK_SKEW_MS, unknownOutcomeMs: UNKNOWN_OUTCOME_MS };
}

/** Clears everything, and reaches ahead by `clearedForMs`, or at least by what two clocks may differ. */
export function aheadOf(nowMs: number, clearedForMs = 0): Clearing {
  return { until: nowMs + Math.max(clearedForMs, CLOCK_SKEW_MS), sparesLater: false };
}

/** Clears what was confirmed until then, and nothing that was confirmed later. */
export function upTo(sentAtMs: number, isReplaced = false): Clearing {
  return { until: sentAtMs, sparesLater: true, isReplaced };
}

/** Whether an entry confirmed at `verifiedAt` outlives a tombstone; `cleared` 0: there is none. */
export function isAlive(verifiedAt: number, cleared: number): boolean {
  return verifiedAt > cleared || cleared === 0;
}
