import { type ForwardedBody, passOn } from './forwardBody.ts';

/** How much is read at once. A plain reader gets 4 KiB, with which a large body costs ten times the Worker's time. */
const PIECE_BYTES = 64 * 1024;

/** A client's body that is observed on its way to the origin. */
export interface TappedStream extends ForwardedBody {
  /**
   * True once all of the body was observed and sent, false where it broke off or only a part was observed. It may stay
   * pending where the origin answers before it has read everything. It never rejects.
   */
  readonly completed: Promise<boolean>;
}

/**
 * Passes a body on as a stream, at the pace of its receiver, and shows each piece to `onPiece` on the way.
 * @param length in bytes, with which the body is sent on; `undefined` for a body without a length
 * @param onPiece is awaited; the piece is overwritten afterwards. It returns whether it needs more: if not, the runtime
 *   passes on the rest, which costs the Worker nothing
 */
export function tapStream(
  body: ReadableStream<Uint8Array>,
  length: number | undefined,
  onPiece: (piece: Uint8Array) => boolean | Promise<boolean>,
): TappedStream {
  const through = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  const reader = body.getReader({ mode: 'byob' });
  const writer = through.writable.getWriter();
  const client = new AbortController();

  async function pump(): Promise<boolean> {
    try {
      // All pieces share one buffer, since a client may send a byte at a time.
      for (let buffer = new ArrayBuffer(Math.min(PIECE_BYTES, Math.max(1, length ?? PIECE_BYTES))); ; ) {
        const { done, value } = await reader.read(new Uint8Array(buffer)).catch((cause) => {
          client.abort();
          throw cause;
        });
        if (done || !value) break;
        const needsMore = await onPiece(value);
        await writer.write(value);
        if (!needsMore) return handOver();
        buffer = value.buffer as ArrayBuffer;
      }
      await writer.close();
      return true;
    } catch (cause) {
      // Without a length, workerd would end the body as if it were complete: the sender aborts the request instead.
      if (length !== undefined || !client.signal.aborted) await writer.abort(cause).catch(() => undefined);
      await reader.cancel(cause).catch(() => undefined);
      return false;
    }
  }

  /** In workerd, an `IdentityTransformStream` would hang here if a piece of it were read in part; a request's is none. */
  function handOver(): false {
    reader.releaseLock();
    writer.releaseLock();
    passOn(body, through.writable, client);
    return false;
  }
  return { body: through.readable, brokenOff: client.signal, completed: pump() };
}
