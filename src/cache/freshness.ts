import type { Entry } from '../oci/descriptor.ts';
import { CLOCK_SKEW_MS } from './provider.ts';

/** For how long what the origin confirmed may be relied on, in ms. */
export interface Windows {
  /** `DESCRIPTOR_TTL`: by callers that only pull. */
  readonly descriptorMs: number;
  /** `PUSH_EXISTENCE_TTL`: by callers that may push; 0: never. */
  readonly pushExistenceMs: number;
}

/**
 * Whether an entry was confirmed within the window. One from the future, beyond what two clocks may differ, was written
 * by nobody whom to trust.
 */
export function isFresh(entry: Entry, nowMs: number, windowMs: number): boolean {
  const ageMs = nowMs - entry.verifiedAt;
  return ageMs < windowMs && ageMs >= -CLOCK_SKEW_MS;
}

/** After this an entry is of no use to anybody: how long stores keep it. */
export function retentionMs({ descriptorMs, pushExistenceMs }: Windows): number {
  return Math.max(descriptorMs, pushExistenceMs);
}

/**
 * Whether what the origin confirmed at `verifiedAt` is worth a write: the stored entry is absent or older by half of the
 * push window. Else a busy digest would be written by every new caller.
 */
export function isWorthStoring(verifiedAt: number, stored: Entry | undefined, windows: Windows): boolean {
  if (retentionMs(windows) === 0) return false;
  const halfMs = (windows.pushExistenceMs || windows.descriptorMs) / 2;
  return !stored || verifiedAt - stored.verifiedAt > halfMs;
}
