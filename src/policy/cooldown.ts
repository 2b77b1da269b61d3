import type { Digest } from '../oci/digest.ts';
import type { Patterns } from '../oci/patterns.ts';
import type { Sighting, TagHistory } from '../stores/tagHistory.ts';

/** What is declared: how long a tag has to lead to a digest before callers that only pull get it. */
export interface CooldownSettings {
  /** `COOLDOWN`, in ms. */
  readonly forMs: number;
  /** `COOLDOWN_TAGS`: patterns of `<repository>:<tag>`. */
  readonly tags: Patterns;
  /** `COOLDOWN_DIGESTS`: whether a digest that does not count yet is refused by itself, too. */
  readonly coversDigests: boolean;
  /** `COOLDOWN_UNKNOWN`: whether what a tag led to at its first sight counts at once. */
  readonly unknown: 'pass' | 'deny';
}

/** The cooldown of an upstream. */
export interface Cooldown extends CooldownSettings {
  readonly history: TagHistory;
}

/** Whether a tag has led to a digest for so long, without having been seen elsewhere, that it counts. */
export function isHeld({ heldMs, isFirst, releasedAt }: Sighting, { forMs, unknown }: CooldownSettings): boolean {
  return heldMs >= forMs || releasedAt > 0 || (isFirst && unknown === 'pass');
}

/**
 * Returns the digest to which a tag leads for callers that only pull: the one to which it leads now, if that counts,
 * and otherwise the one of those that count to which it led last. So a tag that is set back leads there at once.
 * @param history what was seen last first
 * @returns `undefined`: none counts yet
 */
export function resolveHeld(history: readonly Sighting[], settings: CooldownSettings): Digest | undefined {
  const [current, ...former] = history;
  if (current && isHeld(current, settings)) return current.digest;
  const heldUntil = ({ lastSeen, releasedAt }: Sighting) => Math.max(lastSeen, releasedAt);
  return former
    .filter((sighting) => isHeld(sighting, settings))
    .reduce<Sighting | undefined>((last, one) => (last && heldUntil(last) >= heldUntil(one) ? last : one), undefined)
    ?.digest;
}
