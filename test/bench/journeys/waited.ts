import { isHit } from '../../e2e/support/hits.ts';
import type { Answered } from '../../e2e/support/proxy.ts';

/** A time from `since` to `until`, in ms. */
export type Interval = Pick<Answered, 'since' | 'until'>;

/**
 * How long a client waited for the origin: the time during which both a request of the client and one to the origin
 * were open. What is asked at the same time is waited for once. A hit waits for nothing, even if the edge asks the
 * origin something else meanwhile.
 * @param clients what the client's requests were answered
 * @param origin when the origin was asked
 */
export function waitedMs(
  clients: readonly (Interval & Pick<Answered, 'headers'>)[],
  origin: readonly Interval[],
): number {
  const waiting = union(clients.filter((answer) => !isHit(answer)));
  const overlaps = union(origin).flatMap((asked) => waiting.map((waited) => overlapMs(asked, waited)));
  return overlaps.reduce((sum, ms) => sum + ms, 0);
}

/** The same time as intervals that do not overlap. */
function union(intervals: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const { since, until } of intervals.toSorted((a, b) => a.since - b.since)) {
    const last = merged.at(-1);
    if (last && since <= last.until) merged[merged.length - 1] = { ...last, until: Math.max(last.until, until) };
    else merged.push({ since, until });
  }
  return merged;
}

function overlapMs(a: Interval, b: Interval): number {
  return Math.max(0, Math.min(a.until, b.until) - Math.max(a.since, b.since));
}
