import { within } from '../../async.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';

const PIECE_BYTES = 64 * 1024;

/**
 * Ends an answer on its way to the client when nothing of its body has come for some time. How slowly the client reads does
 * not matter.
 * @param ms from one piece to the next
 */
export function endIfStalled(response: Response, ms: number): Response {
  const { body, headers } = response;
  if (!body) return response;
  // The runtime gives the body decoded, and codes it anew for the client: the length is that of the coded one.
  const length = headers.has('content-encoding') ? undefined : parseWholeNumber(headers.get('content-length'));
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  pass(body, writable, ms);
  return new Response(readable, response);
}

/** Never rejects: a body that breaks off breaks off for the client, too. */
async function pass(from: ReadableStream<Uint8Array>, to: WritableStream<Uint8Array>, ms: number): Promise<void> {
  const reader = from.getReader({ mode: 'byob' });
  const writer = to.getWriter();
  try {
    for (let room = new ArrayBuffer(PIECE_BYTES); ; ) {
      const piece = await within(reader.read(new Uint8Array(room)), ms);
      if (!piece) throw new Error(`nothing of the body came for ${ms} ms`);
      if (piece.done || !piece.value) break;
      await writer.write(piece.value);
      room = piece.value.buffer as ArrayBuffer;
    }
    await writer.close();
  } catch (broken) {
    await Promise.allSettled([writer.abort(broken), reader.cancel(broken)]);
  }
}
