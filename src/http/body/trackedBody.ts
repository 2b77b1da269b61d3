import type { RequestContext } from '../../context.ts';

/** The connection accepts this much at once, so nobody needs to know when such a body has been sent. */
const UNTRACKED_BYTES = 64 * 1024;

/**
 * Makes the body of an answer whose content is held in memory. While a large one is on its way, the request is not
 * over, and the content keeps counting against the budget: a client that reads slowly holds all of it.
 */
export function trackedBody(ctx: RequestContext, content: Uint8Array): Uint8Array | ReadableStream<Uint8Array> {
  if (content.length <= UNTRACKED_BYTES) return content;
  const { readable, writable } = new FixedLengthStream(content.length);
  const writer = writable.getWriter();
  // It ends when the client leaves. `waitUntil` is not needed: the answer itself keeps the request alive.
  ctx.holdOpen(Promise.all([writer.write(content), writer.close()]));
  return readable;
}
