import type { RequestContext } from '../../context.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import { type Budget, waitForRoom } from './budget.ts';
import type { Copy } from './copies.ts';
import { readBody } from './readBody.ts';

/** How a body is held. */
export interface Holding {
  readonly maxBytes: number;
  /** How long the whole body may take to arrive, in ms. */
  readonly timeoutMs: number;
  /** How long to wait for other requests to give room back, in ms. */
  readonly roomWaitMs: number;
}

/** Room for this much is reserved at once, for more only as it arrives: a client may announce more than it sends. */
const RESERVED_BYTES = 16 * 1024;

/**
 * Reads the whole body of a request before any of it is sent on.
 * @returns its bytes, which are held until the request is over; `too large`; `no room` where other bodies need it all
 * @throws RegistryError ORIGIN_UNREACHABLE: the body broke off, or did not arrive in time
 */
export async function holdBody(
  ctx: RequestContext,
  bodies: Budget,
  { maxBytes, timeoutMs, roomWaitMs }: Holding,
): Promise<Uint8Array | 'too large' | 'no room'> {
  const { body, headers } = ctx.request;
  const announced = parseWholeNumber(headers.get('content-length'));
  const refuse = async (why: 'too large' | 'no room', rest: ReadableStream | null) => {
    await rest?.cancel().catch(() => undefined);
    return why;
  };
  if (announced !== undefined && announced > maxBytes) return refuse('too large', body);
  const room = await waitForRoom(bodies, ctx, RESERVED_BYTES, roomWaitMs);
  if (!room) return refuse('no room', body);
  const isSmall = announced !== undefined && announced <= RESERVED_BYTES;
  const message = { body, headers: isSmall ? headers : new Headers() };
  const read = await readBody(message, { room, maxBytes, timeoutMs, roomWaitMs });
  if ('bytes' in read) return read.bytes;
  return refuse(read.lacksRoom ? 'no room' : 'too large', read.stream);
}

/** Sends a held body on, with its length. The copy is complete from the start, however much of it the origin reads. */
export function sendHeld(ctx: RequestContext, content: Uint8Array): Copy {
  const { readable, writable } = new FixedLengthStream(content.length);
  const writer = writable.getWriter();
  writer.write(content).catch(() => undefined);
  writer.close().catch(() => undefined);
  // What is held does not break off.
  const brokenOff = new AbortController().signal;
  const copied = { content, sentAt: ctx.now() };
  return { body: readable, brokenOff, whole: async () => copied };
}
