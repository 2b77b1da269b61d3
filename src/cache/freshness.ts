import { type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import { CLOCK_SKEW_MS } from '../stores/tombstone.ts';

/** For how long what the origin confirmed may be relied on, in ms. */
export interface Ttls {
  /** `DESCRIPTOR_TTL`: by callers that only pull. */
  readonly descriptorMs: number;
  /** `PUSH_EXISTENCE_TTL`: by callers that may push; 0: never. */
  readonly pushExistenceMs: number;
  /** `TAG_TTL`: where a tag points to, by callers that only pull. */
  readonly tagMs: number;
  /** `STALE_IF_ERROR`: how much longer manifests and tags may, while the origin is ill; 0 where nobody only pulls. */
  readonly staleMs: number;
}

/**
 * Whether an entry was confirmed within the window. One from the future, beyond what two clocks may differ, was written
 * by nobody whom to trust.
 */
export function isFresh(entry: Entry, nowMs: number, windowMs: number): boolean {
  const ageMs = nowMs - entry.verifiedAt;
  return windowMs > 0 && ageMs < windowMs && ageMs >= -CLOCK_SKEW_MS;
}

/** After this an entry is of no use to anybody: how long stores keep it. */
export function retentionMs({ descriptorMs, pushExistenceMs, tagMs, staleMs }: Ttls): number {
  return Math.max(descriptorMs, pushExistenceMs, tagMs) + staleMs;
}

/**
 * Whether what the origin confirmed is worth a write: the stored entry is absent, differs, or was confirmed more than
 * half of the smaller window before (or in a future that no clock can know). Else a busy digest would be written by every
 * new caller.
 */
export function isWorthStoring(entry: Entry, stored: Entry | undefined, ttls: Ttls): boolean {
  if (!stored || !isSameDescriptor(entry.descriptor, stored.descriptor)) return true;
  // It is known by both methods now.
  if (stored.witness !== undefined && entry.witness === undefined) return true;
  const windowMs = Math.min(
    ttls.pushExistenceMs || Number.POSITIVE_INFINITY,
    ttls.descriptorMs || Number.POSITIVE_INFINITY,
    retentionMs(ttls),
  );
  return Math.abs(entry.verifiedAt - stored.verifiedAt) > windowMs / 2;
}
