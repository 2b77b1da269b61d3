import { within } from '../../async.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';

const PIECE_BYTES = 64 * 1024;

/**
 * Ends an answer on its way to the client when no more of its body arrives for some time. How slowly the client reads
 * does not matter.
 * @param ms between two pieces, at most
 */
export function endIfStalled(response: Response, ms: number): Response {
  const { body, headers } = response;
  if (!body) return response;
  // The runtime decodes the body and encodes it again for the client, so the length is that of the encoded body.
  const length = headers.has('content-encoding') ? undefined : parseWholeNumber(headers.get('content-length'));
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  pump(body, writable, ms);
  return new Response(readable, response);
}

/** Never rejects: a body that breaks off breaks off for the client as well. */
async function pump(from: ReadableStream<Uint8Array>, to: WritableStream<Uint8Array>, ms: number): Promise<void> {
  const reader = from.getReader({ mode: 'byob' });
  const writer = to.getWriter();
  try {
    for (let buffer = new ArrayBuffer(PIECE_BYTES); ; ) {
      const piece = await within(reader.read(new Uint8Array(buffer)), ms);
      if (!piece) throw new Error(`no part of the body arrived for ${ms} ms`);
      if (piece.done || !piece.value) break;
      await writer.write(piece.value);
      buffer = piece.value.buffer as ArrayBuffer;
    }
    await writer.close();
  } catch (cause) {
    await Promise.allSettled([writer.abort(cause), reader.cancel(cause)]);
  }
}
