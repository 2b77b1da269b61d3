import { within } from '../../async.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Room } from './budget.ts';
import { growBuffer } from './growBuffer.ts';

/** A body that was read: all of it, or, where it is longer than wanted or there is no room, a stream of all of it. */
export type Body =
  | { readonly bytes: Uint8Array }
  | { readonly stream: ReadableStream<Uint8Array>; readonly lacksRoom: boolean };

export interface Reading {
  /** Where it is held. */
  readonly room: Room;
  readonly maxBytes: number;
  /** Until it is there. */
  readonly timeoutMs: number;
}

/** So much is read at once, at first; in the 4 KiB that a plain reader gets, a large body costs ten times the time. */
const PIECE_BYTES = 16 * 1024;
const NOTHING = new Uint8Array();

/**
 * Reads a body of no more than some length. One that announces its length is read into as much at once, another one into
 * what grows with it.
 * @param message a request or response, as the runtime gives it
 * @throws RegistryError ORIGIN_UNREACHABLE: it broke off, or did not come in time
 */
export async function readBody(
  { body, headers }: Pick<Response, 'body' | 'headers'>,
  { room, maxBytes, timeoutMs }: Reading,
): Promise<Body> {
  if (!body) return { bytes: NOTHING };
  const announced = parseWholeNumber(headers.get('content-length'));
  const first = Math.min(announced ?? PIECE_BYTES, maxBytes);
  if ((announced ?? 0) > maxBytes) return { stream: body, lacksRoom: false };
  if (!room.resize(first)) return { stream: body, lacksRoom: true };
  const reader = body.getReader({ mode: 'byob' });
  try {
    const read = await within(readInto(reader, new Uint8Array(first), room, maxBytes), timeoutMs);
    if (!read) throw new Error(`the body did not come within ${timeoutMs} ms`);
    if (!read.isWhole) {
      const lacksRoom = read.bytes.length + read.further.length <= maxBytes;
      return { stream: continued([read.bytes, read.further], reader), lacksRoom };
    }
    room.keep(read.bytes);
    return { bytes: read.bytes };
  } catch (cause) {
    room.release();
    await reader.cancel(cause).catch(() => undefined);
    throw new RegistryError('ORIGIN_UNREACHABLE', { cause });
  }
}

interface Read {
  readonly bytes: Uint8Array;
  /** What came after there was no room for more. */
  readonly further: Uint8Array;
  readonly isWhole: boolean;
}

async function readInto(
  reader: ReadableStreamBYOBReader,
  buffer: Uint8Array,
  room: Room,
  maxBytes: number,
): Promise<Read> {
  let into = buffer;
  for (let length = 0; ; ) {
    const isFull = length === into.length;
    // A read takes the buffer away, and gives it back.
    const { done, value } = await reader.read(isFull ? new Uint8Array(PIECE_BYTES) : into.subarray(length));
    if (!isFull && value) into = new Uint8Array(value.buffer);
    if (done || !value) return { bytes: exactly(into, length), further: NOTHING, isWhole: true };
    if (isFull) {
      const larger = growBuffer(into, length + value.length, room, maxBytes);
      if (!larger) return { bytes: into, further: value, isWhole: false };
      into = larger;
      into.set(value, length);
    }
    length += value.length;
  }
}

/** Without what is left over, which would be held as long. */
function exactly(buffer: Uint8Array, length: number): Uint8Array {
  return length === buffer.length ? buffer : buffer.slice(0, length);
}

/** What was read, then the rest. */
function continued(pieces: Uint8Array[], reader: ReadableStreamBYOBReader): ReadableStream<Uint8Array> {
  const left = pieces.filter(({ length }) => length > 0);
  return new ReadableStream({
    type: 'bytes',
    async pull(controller: ReadableByteStreamController) {
      const piece = left.shift();
      if (piece) return controller.enqueue(piece);
      const { done, value } = await reader.read(new Uint8Array(PIECE_BYTES));
      if (done || !value) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
