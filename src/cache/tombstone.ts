/**
 * Clocks of two isolates may differ by this much. A tombstone reaches at least as far into the future, so that an entry
 * which a fast clock confirmed before a slow clock's clear cannot count as confirmed after it.
 */
export const CLOCK_SKEW_MS = 5_000;

/** Whether an entry confirmed at `verifiedAt` outlives a tombstone; `cleared` 0: there is none. */
export function isAlive(verifiedAt: number, cleared: number): boolean {
  return verifiedAt > cleared || cleared === 0;
}
