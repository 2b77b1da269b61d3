import type { ForwardedBody } from './forwardBody.ts';

/** How much is read at once. A plain reader gets 4 KiB, with which a large body costs ten times the Worker's time. */
const PIECE_BYTES = 64 * 1024;

/** A client's body that is observed on its way to the origin. */
export interface TappedStream extends ForwardedBody {
  /**
   * True once all of the body was observed and sent, false where it broke off. It may stay pending where the origin
   * answers before it has read everything. It never rejects.
   */
  readonly completed: Promise<boolean>;
}

/**
 * Passes a body on as a stream, at the pace of its receiver, and shows each piece to `onPiece` on the way.
 * @param length in bytes, with which the body is sent on. A body without a length must not be tapped: if the client
 *   left in the middle of it, workerd would end it as if it were complete.
 * @param onPiece is awaited; the piece is overwritten afterwards
 */
export function tapStream(
  body: ReadableStream<Uint8Array>,
  length: number,
  onPiece: (piece: Uint8Array) => void | Promise<void>,
): TappedStream {
  const through = new FixedLengthStream(length);
  const reader = body.getReader({ mode: 'byob' });
  const writer = through.writable.getWriter();
  const client = new AbortController();

  async function pump(): Promise<boolean> {
    try {
      // All pieces share one buffer, since a client may send a byte at a time.
      for (let buffer = new ArrayBuffer(Math.min(PIECE_BYTES, Math.max(1, length))); ; ) {
        const { done, value } = await reader.read(new Uint8Array(buffer)).catch((cause) => {
          client.abort();
          throw cause;
        });
        if (done || !value) break;
        await onPiece(value);
        await writer.write(value);
        buffer = value.buffer as ArrayBuffer;
      }
      await writer.close();
      return true;
    } catch (cause) {
      await Promise.allSettled([writer.abort(cause), reader.cancel(cause)]);
      return false;
    }
  }
  return { body: through.readable, brokenOff: client.signal, completed: pump() };
}
