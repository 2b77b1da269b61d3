import type { RequestContext } from '../context.ts';
import { parseWholeNumber } from '../oci/descriptor.ts';
import { within } from '../within.ts';
import type { Budget } from './budget.ts';
import type { Outgoing } from './outgoing.ts';
import { tapped } from './tapped.ts';

/** A request's body on its way, of which a copy stays. */
export interface Copy extends Outgoing {
  /** All of it, until the request is over; `undefined` where it broke off, or could not be copied. */
  whole(waitMs: number): Promise<Copied | undefined>;
}

export interface Copied {
  readonly content: Uint8Array;
  /** Epoch ms at which the last byte was sent. */
  readonly sentAt: number;
}

/** Copies small bodies while they go on to the origin. */
export interface Copies {
  /** @returns `undefined` for a request without a body, or without its length */
  of(ctx: RequestContext): Copy | undefined;
}

const FIRST_BYTES = 16 * 1024;

/**
 * @param maxBytes of one body
 * @param bodies of which the copies take their room, as it is needed: whoever announces much has sent nothing yet
 */
export function createCopies(maxBytes: number, bodies: Budget): Copies {
  function of(ctx: RequestContext): Copy | undefined {
    const { body, headers } = ctx.request;
    const announced = parseWholeNumber(headers.get('content-length'));
    if (!body || announced === undefined) return undefined;
    const room = bodies.room(ctx);
    let kept: Uint8Array | undefined = new Uint8Array();
    let length = 0;

    function keep(piece: Uint8Array): void {
      if (kept && length + piece.length > kept.length) kept = grown(kept, length + piece.length, announced);
      kept?.set(piece, length);
      length += piece.length;
    }
    function grown(full: Uint8Array, needed: number, most = 0): Uint8Array | undefined {
      const bytes = Math.min(Math.max(FIRST_BYTES, 2 ** Math.ceil(Math.log2(needed))), most);
      // While it grows, both are held.
      if (needed > maxBytes || !room.resize(full.length + bytes)) {
        room.release();
        return undefined;
      }
      const larger = new Uint8Array(bytes);
      larger.set(full);
      room.resize(bytes);
      return larger;
    }

    const passing = tapped(body, announced, keep);
    const sent = passing.passed.then((isWhole) => {
      return isWhole && kept ? { content: kept, sentAt: ctx.now() } : undefined;
    });
    const { body: onward, brokenOff } = passing;
    return { body: onward, brokenOff, whole: (waitMs) => within(sent, waitMs) };
  }
  return { of };
}
