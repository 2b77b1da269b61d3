import { within } from '../../async.ts';
import type { RequestContext } from '../../context.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import type { Budget } from './budget.ts';
import type { ForwardedBody } from './forwardBody.ts';
import { growBuffer } from './growBuffer.ts';
import { tapStream } from './tapStream.ts';

/** A request's body on its way to the origin, and a copy of it. */
export interface Copy extends ForwardedBody {
  /**
   * Waits for the complete copy, which is held until the request is over.
   * @returns `undefined` where the body broke off, could not be copied, or is not complete in time
   */
  whole(waitMs: number): Promise<CopiedBody | undefined>;
}

export interface CopiedBody {
  readonly content: Uint8Array;
  /** Epoch ms at which the last byte was sent, or earlier. */
  readonly sentAt: number;
}

/** Copies small bodies while they go on to the origin. */
export interface Copies {
  /** @returns `undefined` for a request without a body, or without its length */
  copyOf(ctx: RequestContext): Copy | undefined;
}

/**
 * @param maxBytes the longest body that is copied
 * @param bodies the budget of the copies. They reserve room as bytes arrive, since a client may announce more than it
 *   sends.
 */
export function createCopies(maxBytes: number, bodies: Budget): Copies {
  function copyOf(ctx: RequestContext): Copy | undefined {
    const { body, headers } = ctx.request;
    const announced = parseWholeNumber(headers.get('content-length'));
    if (!body || announced === undefined) return undefined;
    const room = bodies.room(ctx);
    let buffer: Uint8Array | undefined = announced <= maxBytes ? new Uint8Array() : undefined;
    let length = 0;

    const append = (piece: Uint8Array) => {
      const needed = length + piece.length;
      if (buffer && needed > buffer.length) buffer = growBuffer(buffer, needed, room, announced);
      buffer?.set(piece, length);
      if (!buffer) room.release();
      length = needed;
      return true;
    };
    // The room is given back at the end of the request, although the client may go on sending.
    ctx.onEnd(() => {
      buffer = undefined;
    });

    const tapped = tapStream(body, announced, append);
    const copied = tapped.completed.then((isComplete) => {
      return isComplete && buffer ? { content: buffer, sentAt: ctx.now() } : undefined;
    });
    return { body: tapped.body, brokenOff: tapped.brokenOff, whole: (waitMs) => within(copied, waitMs) };
  }
  return { copyOf };
}
