import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Tag } from './tagRecords.ts';

/** What was seen of a tag that led to a digest. Times are epoch ms by the store's own clock. */
export interface Sighting {
  readonly digest: Digest;
  /** When the tag was seen first to lead there; 0: it never was, but an operator released the digest. */
  readonly firstSeen: number;
  /** When it was seen last to lead there. */
  readonly lastSeen: number;
  /** Since when it leads there without having been seen elsewhere, or did so last; 0: it has led nowhere since. */
  readonly since: number;
  /** The longest time for which it led there without having been seen elsewhere (ms). */
  readonly heldMs: number;
  /** Whether this is what the tag led to when it was seen for the first time. */
  readonly isFirst: boolean;
  /** When an operator released the digest; 0: nobody did. */
  readonly releasedAt: number;
}

/** The origin says that a tag leads to a digest. */
export interface Sight {
  readonly digest: Digest;
  /** When the question was sent (epoch ms). */
  readonly at: number;
}

/** Where the tags of repositories led, and when. What was seen first is never seen again, so no purge removes it. */
export interface TagHistory {
  /**
   * Notes a sight.
   * @returns the history of the tag, what was seen last first
   * @throws Error the store failed
   */
  see(ctx: RequestContext, tag: Tag, sight: Sight): Promise<readonly Sighting[]>;
  /** Notes that a tag led nowhere (epoch ms). @throws Error the store failed */
  miss(ctx: RequestContext, tag: Tag, at: number): Promise<void>;
  /** Returns the history of a tag, what was seen last first. @throws Error the store failed */
  read(ctx: RequestContext, tag: Tag): Promise<readonly Sighting[]>;
  /** Returns what was seen of all tags that led to a digest. @throws Error the store failed */
  ofDigest(ctx: RequestContext, name: RepositoryName, digest: Digest): Promise<readonly Sighting[]>;
  /** Lets a tag lead to a digest at once. @throws Error the store failed */
  release(ctx: RequestContext, tag: Tag, digest: Digest): Promise<void>;
}

/** For how long a digest has to be held until it counts (ms): such a one is kept however often the tag moves on. */
export interface HistoryTerms {
  readonly forMs: number;
}

/**
 * Returns what is known of a digest after a sight of it.
 * @param history what was seen last first
 * @param nowMs by the store's clock
 * @returns `undefined`: the tag has been seen elsewhere since
 */
export function afterSight(history: readonly Sighting[], sight: Sight, nowMs: number): Sighting | undefined {
  const at = Math.min(sight.at, nowMs);
  const [current] = history;
  const known = history.find(({ digest }) => digest === sight.digest);
  if (known && known === current && known.since > 0) {
    const lastSeen = Math.max(known.lastSeen, at);
    return { ...known, lastSeen, heldMs: Math.max(known.heldMs, lastSeen - known.since) };
  }
  if (current && at <= current.lastSeen) return undefined;
  const isFirst = known?.isFirst || !history.some(({ firstSeen }) => firstSeen > 0);
  // A time during which nobody looked counts for no digest.
  const stretch = { firstSeen: known?.firstSeen || nowMs, since: nowMs, lastSeen: nowMs };
  return { digest: sight.digest, heldMs: 0, releasedAt: 0, ...known, ...stretch, isFirst };
}
