import type { RequestContext } from '../../context.ts';

/** As much as the connection takes at once: of less nobody has to know when it has gone. */
const AT_ONCE_BYTES = 64 * 1024;

/**
 * A body to be sent to the client. While a large one is on its way, the request is not over: a client that reads slowly
 * holds it all.
 */
export function trackedBody(ctx: RequestContext, content: Uint8Array): Uint8Array | ReadableStream<Uint8Array> {
  if (content.length <= AT_ONCE_BYTES) return content;
  const { readable, writable } = new FixedLengthStream(content.length);
  const writer = writable.getWriter();
  // A client that leaves ends it. It is not left to `waitUntil`: the answer itself keeps the request going.
  ctx.lasts(Promise.all([writer.write(content), writer.close()]));
  return readable;
}
