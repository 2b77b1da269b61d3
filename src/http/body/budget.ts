import type { RequestContext } from '../../context.ts';

/** Room for a body that a request holds; it is given back when the request is over. */
export interface Room {
  /**
   * Makes it this large, in bytes.
   * @returns false where there is not so much room, or the request is over: it stays as it was
   */
  resize(bytes: number): boolean;
  /** The body is whole: from now on its bytes are held in place of the room. */
  keep(content: Uint8Array): void;
  /** Gives it back before the request is over. */
  release(): void;
}

/**
 * One budget for all that this isolate holds of bodies at the same time, in every direction: whoever holds many requests
 * open, or answers slowly, does not fill its memory. Room is taken before anything is held; without room a body passes as
 * a stream, of which nothing is kept.
 */
export interface Budget {
  room(ctx: RequestContext): Room;
  /**
   * Counts bytes that are there already, until the request is over. Requests that share the same bytes count them once.
   */
  hold(ctx: RequestContext, content: Uint8Array): void;
  /** What is held now, in bytes. */
  readonly heldBytes: number;
  readonly maxBytes: number;
}

/** A request that the platform ended does not say so: what it held is given back after this, when room is short. */
const MAX_AGE_MS = 600_000;

/** What one request holds. */
interface Holding {
  readonly since: number;
  readonly releases: Set<() => void>;
}

export function createBudget(maxBytes: number): Budget {
  let held = 0;
  const holdings = new Map<RequestContext, Holding>();
  const holders = new Map<Uint8Array, number>();

  /** @returns what gives it back, once; `undefined` where the request is over, and it was given back at once */
  function until(ctx: RequestContext, giveBack: () => void): (() => void) | undefined {
    const known = holdings.get(ctx);
    const holding: Holding = known ?? { since: ctx.startedAt, releases: new Set() };
    const release = () => {
      if (holding.releases.delete(release)) giveBack();
    };
    holding.releases.add(release);
    if (!known) {
      holdings.set(ctx, holding);
      // Last: of a request that is over already it is done at once.
      ctx.whenOver(() => end(ctx, holding));
    }
    return holding.releases.has(release) ? release : undefined;
  }

  function end(ctx: RequestContext, holding: Holding): void {
    for (const release of holding.releases) release();
    // After a sweep the request may hold something anew.
    if (holdings.get(ctx) === holding) holdings.delete(ctx);
  }

  function hasRoomFor(bytes: number, nowMs: number): boolean {
    if (held + bytes <= maxBytes) return true;
    for (const [ctx, holding] of holdings) if (nowMs - holding.since > MAX_AGE_MS) end(ctx, holding);
    return held + bytes <= maxBytes;
  }

  function hold(ctx: RequestContext, content: Uint8Array): void {
    const count = holders.get(content) ?? 0;
    if (count === 0) held += content.length;
    holders.set(content, count + 1);
    until(ctx, () => {
      const left = (holders.get(content) ?? 1) - 1;
      if (left > 0) return holders.set(content, left);
      holders.delete(content);
      held -= content.length;
      return undefined;
    });
  }

  function room(ctx: RequestContext): Room {
    let size = 0;
    let release: (() => void) | undefined;
    const giveBack = () => {
      held -= size;
      size = 0;
      release = undefined;
    };
    return {
      resize(bytes) {
        if (bytes > size && !hasRoomFor(bytes - size, ctx.now())) return false;
        release ??= until(ctx, giveBack);
        if (!release) return false;
        held += bytes - size;
        size = bytes;
        return true;
      },
      keep(content) {
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

/** Room that others give back is waited for so often. */
const POLL_MS = 50;

/** @returns room of this size, where there is some in time */
export async function roomWithin(
  budget: Budget,
  ctx: RequestContext,
  bytes: number,
  waitMs: number,
): Promise<Room | undefined> {
  const room = budget.room(ctx);
  for (let waited = 0; !room.resize(bytes); waited += POLL_MS) {
    if (waited >= waitMs) return undefined;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return room;
}
