import type { RequestContext } from '../context.ts';
import { parseWholeNumber } from '../oci/descriptor.ts';
import { within } from '../within.ts';
import { tapped } from './tapped.ts';

/** A request's body on its way, of which a copy stays. */
export interface Copy {
  readonly body: ReadableStream<Uint8Array>;
  /** All of it; `undefined` where it broke off, or was too long to be copied. */
  whole(waitMs: number): Promise<Copied | undefined>;
  /** Gives back the room. */
  release(): void;
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
 * @param maxTotalBytes of all that this isolate copies at the same time: whoever holds many requests open takes no more
 */
export function createCopies(maxBytes: number, maxTotalBytes: number): Copies {
  let totalBytes = 0;

  function of(ctx: RequestContext): Copy | undefined {
    const { body, headers } = ctx.request;
    const announced = parseWholeNumber(headers.get('content-length'));
    if (!body || announced === undefined) return undefined;
    let room: Uint8Array | undefined = new Uint8Array();
    let length = 0;

    function release(): void {
      totalBytes -= room?.length ?? 0;
      room = undefined;
    }
    function keep(piece: Uint8Array): void {
      if (room && length + piece.length > room.length) grow(room, length + piece.length);
      room?.set(piece, length);
      length += piece.length;
    }
    function grow(full: Uint8Array, needed: number): void {
      const bytes = Math.max(FIRST_BYTES, 2 ** Math.ceil(Math.log2(needed)));
      const isTooMuch = needed > maxBytes || totalBytes - full.length + bytes > maxTotalBytes;
      release();
      if (isTooMuch) return;
      totalBytes += bytes;
      room = new Uint8Array(bytes);
      room.set(full);
    }

    const passing = tapped(body, announced, keep);
    const sent = passing.passed.then((isWhole) => {
      return isWhole && room ? { content: room.slice(0, length), sentAt: ctx.now() } : undefined;
    });
    return { body: passing.body, whole: (waitMs) => within(sent, waitMs), release };
  }
  return { of };
}
