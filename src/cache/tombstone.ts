/**
 * Clocks of two isolates may differ by this much. A tombstone reaches at least as far into the future, so that an entry
 * which a fast clock confirmed before a slow clock's clear cannot count as confirmed after it.
 */
export const CLOCK_SKEW_MS = 5_000;

/** An origin that did not answer a delete may delete this much later all the same. */
const UNKNOWN_OUTCOME_MS = 60_000;

/** How far the tombstones of a delete reach, in ms: while it is under way, and after an unknown outcome. */
export function deleteReach(originTimeoutMs: number): { readonly underWayMs: number; readonly unknownMs: number } {
  return { underWayMs: originTimeoutMs + CLOCK_SKEW_MS, unknownMs: UNKNOWN_OUTCOME_MS };
}

/** Whether an entry confirmed at `verifiedAt` outlives a tombstone; `cleared` 0: there is none. */
export function isAlive(verifiedAt: number, cleared: number): boolean {
  return verifiedAt > cleared || cleared === 0;
}
