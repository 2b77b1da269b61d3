import { delay, within } from '../../async.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import { RegistryError } from '../../oci/errors.ts';
import { ROOM_POLL_MS, type Room } from './budget.ts';
import { growBuffer } from './growBuffer.ts';

/** A body that was read: its bytes, or a stream of all of it where it is too long or there is no room. */
export type Body =
  | { readonly bytes: Uint8Array }
  | { readonly stream: ReadableStream<Uint8Array>; readonly lacksRoom: boolean };

/** How a body is read. */
export interface Reading {
  /** The reservation that holds the bytes. */
  readonly room: Room;
  readonly maxBytes: number;
  /** For the whole body. */
  readonly timeoutMs: number;
  /** How long a body that grows waits for room, in ms; by default it does not wait. */
  readonly roomWaitMs?: number;
}

/** The least that is read at once. A plain reader gets 4 KiB, with which a large body costs ten times the time. */
const PIECE_BYTES = 16 * 1024;
const EMPTY = new Uint8Array();

/**
 * Reads a body of at most `maxBytes`. If it announces its length, a buffer of that size is reserved at once; otherwise
 * the buffer grows with it.
 * @param message a request or response, as the runtime gives it
 * @throws RegistryError ORIGIN_UNREACHABLE: it broke off, or did not arrive in time
 */
export async function readBody({ body, headers }: Pick<Response, 'body' | 'headers'>, reading: Reading): Promise<Body> {
  const { room, maxBytes, timeoutMs } = reading;
  if (!body) return { bytes: EMPTY };
  const announced = parseWholeNumber(headers.get('content-length'));
  const first = Math.min(announced ?? PIECE_BYTES, maxBytes);
  if ((announced ?? 0) > maxBytes) return { stream: body, lacksRoom: false };
  if (!room.resize(first)) return { stream: body, lacksRoom: true };
  const reader = body.getReader({ mode: 'byob' });
  try {
    const read = await within(readInto(reader, new Uint8Array(first), reading), timeoutMs);
    if (!read) throw new Error(`the body did not arrive within ${timeoutMs} ms`);
    if (!read.isComplete) {
      const lacksRoom = read.bytes.length + read.overflow.length <= maxBytes;
      return { stream: streamOf([read.bytes, read.overflow], reader), lacksRoom };
    }
    room.hold(read.bytes);
    return { bytes: read.bytes };
  } catch (cause) {
    room.release();
    await reader.cancel(cause).catch(() => undefined);
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  }
}

interface Read {
  readonly bytes: Uint8Array;
  /** The piece that did not fit. */
  readonly overflow: Uint8Array;
  readonly isComplete: boolean;
}

async function readInto(reader: ReadableStreamBYOBReader, buffer: Uint8Array, reading: Reading): Promise<Read> {
  let into = buffer;
  for (let length = 0; ; ) {
    const isFull = length === into.length;
    // A BYOB read detaches the buffer, and returns it as `value.buffer`.
    const { done, value } = await reader.read(isFull ? new Uint8Array(PIECE_BYTES) : into.subarray(length));
    if (!isFull && value) into = new Uint8Array(value.buffer);
    if (done || !value) return { bytes: trim(into, length), overflow: EMPTY, isComplete: true };
    if (isFull) {
      const larger = await growWhenPossible(into, length + value.length, reading);
      if (!larger) return { bytes: into, overflow: value, isComplete: false };
      into = larger;
      into.set(value, length);
    }
    length += value.length;
  }
}

/** Grows a buffer, and waits for room if other bodies need it. @returns as `growBuffer` */
async function growWhenPossible(
  full: Uint8Array,
  needed: number,
  { room, maxBytes, roomWaitMs = 0 }: Reading,
): Promise<Uint8Array | undefined> {
  for (let waited = 0; ; waited += ROOM_POLL_MS) {
    const larger = growBuffer(full, needed, room, maxBytes);
    if (larger || needed > maxBytes || waited >= roomWaitMs) return larger;
    await delay(ROOM_POLL_MS);
  }
}

/** Copies the bytes out of a larger buffer, whose spare room would be held as long as they are. */
function trim(buffer: Uint8Array, length: number): Uint8Array {
  return length === buffer.length ? buffer : buffer.slice(0, length);
}

/** Streams the pieces that were read, then the rest of the body. */
function streamOf(pieces: Uint8Array[], reader: ReadableStreamBYOBReader): ReadableStream<Uint8Array> {
  const pending = pieces.filter(({ length }) => length > 0);
  return new ReadableStream({
    type: 'bytes',
    async pull(controller: ReadableByteStreamController) {
      const piece = pending.shift();
      if (piece) return controller.enqueue(piece);
      const { done, value } = await reader.read(new Uint8Array(PIECE_BYTES));
      if (done || !value) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
