import { within } from '../../async.ts';
import type { RequestContext } from '../../context.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import type { Budget } from './budget.ts';
import type { ForwardedBody } from './forwardBody.ts';
import { growBuffer } from './growBuffer.ts';
import { tapStream } from './tapStream.ts';

/** A request's body on its way, of which a copy stays. */
export interface Copy extends ForwardedBody {
  /** All of it, until the request is over; `undefined` where it broke off, or could not be copied. */
  whole(waitMs: number): Promise<CopiedBody | undefined>;
}

export interface CopiedBody {
  readonly content: Uint8Array;
  /** Epoch ms at which the last byte was sent. */
  readonly sentAt: number;
}

/** Copies small bodies while they go on to the origin. */
export interface Copies {
  /** @returns `undefined` for a request without a body, or without its length */
  of(ctx: RequestContext): Copy | undefined;
}

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
    let kept: Uint8Array | undefined = announced <= maxBytes ? new Uint8Array() : undefined;
    let length = 0;

    const keep = (piece: Uint8Array) => {
      const needed = length + piece.length;
      if (kept && needed > kept.length) kept = growBuffer(kept, needed, room, announced);
      kept?.set(piece, length);
      if (!kept) room.release();
      length = needed;
    };
    // Its room is given back then, although the client may go on sending.
    ctx.whenOver(() => {
      kept = undefined;
    });

    const passing = tapStream(body, announced, keep);
    const sent = passing.passed.then((isWhole) => {
      return isWhole && kept ? { content: kept, sentAt: ctx.now() } : undefined;
    });
    const { body: onward, brokenOff } = passing;
    return { body: onward, brokenOff, whole: (waitMs) => within(sent, waitMs) };
  }
  return { of };
}
