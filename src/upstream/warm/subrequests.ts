import type { EdgeEvent } from '../../telemetry/events.ts';

/** The subrequests that one request may cost. Cloudflare's free plan has 50. */
const MAX_SUBREQUESTS = 40;

/** The subrequests of one request, charged when they are known and reserved before. */
export class Subrequests {
  #left = MAX_SUBREQUESTS;
  #hasAdvanced = false;

  /** Returns how many pieces of work that cost so much fit at most; at least one. */
  fitting(each: number): number {
    return Math.max(1, Math.floor(this.#left / each));
  }

  /**
   * Takes what a piece of work may cost. Until the work has come forward there is always enough: otherwise a request
   * would leave the next one where it was.
   * @returns false: there are not enough left
   */
  reserve(most: number): boolean {
    if (most > this.#left && this.#hasAdvanced) return false;
    this.#left -= most;
    return true;
  }

  /** Takes what a piece of work has cost in place of what was reserved. */
  settle(reserved: number, events: readonly EdgeEvent[]): void {
    this.#left += reserved - costOf(events);
  }

  /** Notes that the next request goes on after where this one began. */
  advance(): void {
    this.#hasAdvanced = true;
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
    // A tag that was resolved has been noted in its history.
    if (event.kind === 'origin' || event.kind === 'token' || event.kind === 'resolved') cost += 1;
    else if (event.kind === 'bytes' || (event.kind === 'fill' && event.outcome === 'begun')) cost += 1;
    else if (event.kind === 'stat' && event.store !== 'memory') cost += LOOK;
    else if (event.kind === 'write-back' && event.outcome === 'begun') cost += WRITE;
  }
  return cost;
}
