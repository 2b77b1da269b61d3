import type { Room } from './budget.ts';

const MIN_BUFFER_BYTES = 16 * 1024;

/**
 * Returns a larger buffer that begins with the same bytes. Both count while they are copied.
 * @param needed in bytes
 * @param maxBytes how large it may become
 * @returns `undefined` where more is needed than that, or where there is no room
 */
export function growBuffer(full: Uint8Array, needed: number, room: Room, maxBytes: number): Uint8Array | undefined {
  const bytes = Math.min(Math.max(MIN_BUFFER_BYTES, 2 * full.length, needed), maxBytes);
  if (needed > maxBytes || !room.resize(full.length + bytes)) return undefined;
  const larger = new Uint8Array(bytes);
  larger.set(full);
  room.resize(bytes);
  return larger;
}
