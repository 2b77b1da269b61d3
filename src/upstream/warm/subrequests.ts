import type { EdgeEvent } from '../../telemetry/events.ts';

/** The subrequests that one request may cost. Cloudflare's free plan has 50. */
const MAX_SUBREQUESTS = 40;

/** The subrequests of one request, charged when they are known and reserved before. */
export class Subrequests {
  #left = MAX_SUBREQUESTS;
  #isFirst = true;

  /**
   * Takes what a piece of work may cost. The first piece that brings the work forward always gets it.
   * @returns false: there are not enough left
   */
  reserve(most: number, isProgress = false): boolean {
    if (most > this.#left && !(isProgress && this.#isFirst)) return false;
    if (isProgress) this.#isFirst = false;
    this.#left -= most;
    return true;
  }

  /** Gives back what was reserved and not needed. */
  settle(reserved: number, events: readonly EdgeEvent[]): void {
    this.#left += Math.max(0, reserved - costOf(events));
  }
}

/** What a look at a store costs at most: an entry and the content. */
const LOOK = 2;
/** What a write costs at most: a look before it, the entry, the content and the tag. */
const WRITE = 4;

/** Returns what was asked of others, at most, in the course of a question. */
function costOf(events: readonly EdgeEvent[]): number {
  let cost = 0;
  for (const event of events) {
    if (event.kind === 'origin' || event.kind === 'token') cost += 1;
    else if (event.kind === 'stat' && event.store !== 'memory') cost += LOOK;
    else if (event.kind === 'write-back' && event.outcome === 'begun') cost += WRITE;
  }
  return cost;
}
