import type { ForwardedBody } from './forwardBody.ts';

/** So much is read at once; in the 4 KiB that a plain reader gets, a large body costs ten times the Worker's time. */
const PIECE_BYTES = 64 * 1024;

/** A client's body on its way to the origin, and seen there. */
export interface TappedStream extends ForwardedBody {
  /**
   * Whether all of it has gone, and been seen: true, or false where it broke off. It may stay open where the origin
   * answers before it has read everything. Never rejects.
   */
  readonly passed: Promise<boolean>;
}

/**
 * Lets a body pass as a stream, at the pace of its receiver, and shows each piece on the way.
 * @param length in bytes, with which it is sent on. A body without one is not to be tapped: where the client leaves in the
 *   middle of it, workerd would end it as if it were whole.
 * @param see is waited for; a piece is lent to it, and overwritten after that
 */
export function tapStream(
  body: ReadableStream<Uint8Array>,
  length: number,
  see: (piece: Uint8Array) => void | Promise<void>,
): TappedStream {
  const through = new FixedLengthStream(length);
  const reader = body.getReader({ mode: 'byob' });
  const writer = through.writable.getWriter();
  const client = new AbortController();

  async function pass(): Promise<boolean> {
    try {
      // One buffer for all pieces, since a client may send a byte at a time.
      for (let room = new ArrayBuffer(Math.min(PIECE_BYTES, Math.max(1, length))); ; ) {
        const { done, value } = await reader.read(new Uint8Array(room)).catch((cause) => {
          client.abort();
          throw cause;
        });
        if (done || !value) break;
        await see(value);
        await writer.write(value);
        room = value.buffer as ArrayBuffer;
      }
      await writer.close();
      return true;
    } catch (broken) {
      await Promise.allSettled([writer.abort(broken), reader.cancel(broken)]);
      return false;
    }
  }
  return { body: through.readable, brokenOff: client.signal, passed: pass() };
}
