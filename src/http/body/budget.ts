import { delay } from '../../async.ts';
import type { RequestContext } from '../../context.ts';

/** Room that a request has reserved for a body; it is given back when the request is over. */
export interface Room {
  /**
   * Changes the size of the reservation.
   * @returns false where there is not enough room, or the request is over: the size stays as it was
   */
  resize(bytes: number): boolean;
  /** Holds the complete body in place of the reservation. */
  hold(content: Uint8Array): void;
  /** Gives the room back before the request is over. */
  release(): void;
}

/**
 * One budget for all bodies that this isolate holds at the same time, in both directions: a client that opens many
 * requests, or reads slowly, cannot fill the isolate's memory. Room is reserved before anything is held. A body for
 * which there is no room passes as a stream, of which nothing is held.
 */
export interface Budget {
  /** Opens an empty reservation. */
  room(ctx: RequestContext): Room;
  /** Counts bytes that exist already, until the request is over. Bytes that several requests share count once. */
  hold(ctx: RequestContext, content: Uint8Array): void;
  /** How many bytes are held or reserved now. */
  readonly heldBytes: number;
  readonly maxBytes: number;
}

/** The platform may end a request without a word. When room is short, a request this old gives back what it holds. */
const MAX_AGE_MS = 600_000;

/** What one request holds. */
interface Holding {
  readonly since: number;
  readonly releases: Set<() => void>;
}

/** What several budgets share: together they hold no more than this. */
export interface Pool {
  readonly maxBytes: number;
  heldBytes: number;
  /** Each gives back what requests that are too old hold in one of the budgets. */
  readonly sweeps: ((nowMs: number) => void)[];
}

export function createPool(maxBytes: number): Pool {
  return { maxBytes, heldBytes: 0, sweeps: [] };
}

/** @param pool shared with other budgets, of which none may hold more than its own `maxBytes` */
export function createBudget(maxBytes: number, pool = createPool(maxBytes)): Budget {
  let held = 0;
  const holdings = new Map<RequestContext, Holding>();
  const holderCounts = new Map<Uint8Array, number>();

  /**
   * Runs `giveBack` when the request is over.
   * @returns what runs it earlier, at most once; `undefined` where the request is over and it has run already
   */
  function releaseAtEnd(ctx: RequestContext, giveBack: () => void): (() => void) | undefined {
    const existing = holdings.get(ctx);
    const holding: Holding = existing ?? { since: ctx.startedAt, releases: new Set() };
    const release = () => {
      if (holding.releases.delete(release)) giveBack();
    };
    holding.releases.add(release);
    if (!existing) {
      holdings.set(ctx, holding);
      // This comes last: if the request is already over, the callback runs immediately.
      ctx.onEnd(() => end(ctx, holding));
    }
    return holding.releases.has(release) ? release : undefined;
  }

  function end(ctx: RequestContext, holding: Holding): void {
    for (const release of holding.releases) release();
    // A request that outlived a sweep may have a new holding by now.
    if (holdings.get(ctx) === holding) holdings.delete(ctx);
  }

  function hasRoomFor(bytes: number, nowMs: number): boolean {
    const fits = () => held + bytes <= maxBytes && pool.heldBytes + bytes <= pool.maxBytes;
    if (fits()) return true;
    // A budget that nobody asks for room any more would keep the others from it.
    for (const sweepOne of pool.sweeps) sweepOne(nowMs);
    return fits();
  }

  function sweep(nowMs: number): void {
    for (const [ctx, holding] of holdings) if (nowMs - holding.since > MAX_AGE_MS) end(ctx, holding);
  }
  pool.sweeps.push(sweep);

  function add(bytes: number): void {
    held += bytes;
    pool.heldBytes += bytes;
  }

  function hold(ctx: RequestContext, content: Uint8Array): void {
    const count = holderCounts.get(content) ?? 0;
    if (count === 0) add(content.length);
    holderCounts.set(content, count + 1);
    releaseAtEnd(ctx, () => {
      const remaining = (holderCounts.get(content) ?? 1) - 1;
      if (remaining > 0) return holderCounts.set(content, remaining);
      holderCounts.delete(content);
      add(-content.length);
      return undefined;
    });
  }

  function room(ctx: RequestContext): Room {
    let size = 0;
    let release: (() => void) | undefined;
    const giveBack = () => {
      add(-size);
      size = 0;
      release = undefined;
    };
    return {
      resize(bytes) {
        if (bytes > size && !hasRoomFor(bytes - size, ctx.now())) return false;
        release ??= releaseAtEnd(ctx, giveBack);
        if (!release) return false;
        add(bytes - size);
        size = bytes;
        return true;
      },
      hold(content) {
        release?.();
        hold(ctx, content);
      },
      release: () => release?.(),
    };
  }

  return {
    room,
    hold,
    maxBytes,
    get heldBytes() {
      return held;
    },
  };
}

/** How often a request that waits for room looks again. */
export const ROOM_POLL_MS = 50;

/**
 * Waits until there is room, which other requests give back.
 * @returns room of this size, or `undefined` where there is none in time
 */
export async function waitForRoom(
  budget: Budget,
  ctx: RequestContext,
  bytes: number,
  waitMs: number,
): Promise<Room | undefined> {
  const room = budget.room(ctx);
  for (let waited = 0; !room.resize(bytes); waited += ROOM_POLL_MS) {
    if (waited >= waitMs) return undefined;
    await delay(ROOM_POLL_MS);
  }
  return room;
}
