import { type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import { CLOCK_SKEW_MS } from '../stores/tombstone.ts';

/** How long an entry is fresh after the origin confirmed it, in ms. */
export interface Ttls {
  /** `DESCRIPTOR_TTL`: for callers that only pull. */
  readonly descriptorMs: number;
  /** `PUSH_EXISTENCE_TTL`: for callers that may push; 0: never. */
  readonly pushExistenceMs: number;
  /**
   * `PUSH_STALE_WHILE_REVALIDATE`: how much longer "exists" is answered to callers that may push, while the origin is
   * asked; 0 where `pushExistenceMs` is.
   */
  readonly pushStaleMs: number;
  /** `TAG_TTL`: the pointer of a tag, for callers that only pull. */
  readonly tagMs: number;
  /** The longest window of any tag, whoever asks: `TAG_TTLS`, and the life of tags that never move. */
  readonly longestTagMs: number;
  /** `STALE_IF_ERROR`: how much longer manifests and tags answer while the origin fails; 0 if any caller may push. */
  readonly staleMs: number;
}

/**
 * Whether an entry was confirmed within the window. An entry from the future, beyond `CLOCK_SKEW_MS`, is never fresh.
 */
export function isFresh(entry: Entry, nowMs: number, windowMs: number): boolean {
  const ageMs = nowMs - entry.verifiedAt;
  return windowMs > 0 && ageMs < windowMs && ageMs >= -CLOCK_SKEW_MS;
}

/** Returns how long stores keep an entry: the time after which it is of no use to anybody. */
export function retentionMs({ descriptorMs, pushExistenceMs, pushStaleMs, longestTagMs, staleMs }: Ttls): number {
  return Math.max(Math.max(descriptorMs, longestTagMs) + staleMs, pushExistenceMs + pushStaleMs);
}

/**
 * Whether a confirmed entry is worth a write: the stored entry is absent, or differs, or the two times of confirmation
 * are more than half of the smaller window apart. Otherwise every new caller of a busy digest would cause a write.
 */
export function isWorthStoring(entry: Entry, stored: Entry | undefined, ttls: Ttls): boolean {
  if (!stored || !isSameDescriptor(entry.descriptor, stored.descriptor)) return true;
  // The media type is now confirmed by both methods.
  if (stored.witness !== undefined && entry.witness === undefined) return true;
  const windowMs = Math.min(
    ttls.pushExistenceMs || Number.POSITIVE_INFINITY,
    ttls.descriptorMs || Number.POSITIVE_INFINITY,
    retentionMs(ttls),
  );
  return Math.abs(entry.verifiedAt - stored.verifiedAt) > windowMs / 2;
}
