import { LRUCache } from 'lru-cache';

/**
 * What this isolate remembers: plain data only, bounded by entries, bytes and time, the least recently used goes first.
 * A value that weighs more than half of the bytes is not kept.
 */
export interface Memory {
  /** Part of the memory for one kind of value; all parts share the bounds. `name` keeps their keys apart. */
  part<V extends object>(name: string): MemoryPart<V>;
}

export interface MemoryPart<V extends object> {
  /** @param nowMs the clock's time, epoch ms */
  get(key: string, nowMs: number): V | undefined;
  /** @param bytes roughly what the value weighs beside its key */
  set(key: string, value: V, expiresAtMs: number, bytes: number): void;
  delete(key: string): void;
  /** The keys that begin so: one walk over the whole memory, for what is rare. */
  keys(prefix: string): string[];
}

interface Slot {
  readonly value: object;
  readonly expiresAtMs: number;
  readonly bytes: number;
}

/** What a slot weighs beside key and value: map, list and object headers, generously. */
const SLOT_BYTES = 200;
/** V8 keeps a string in one or two bytes a character. */
const CHARACTER_BYTES = 2;

export function createMemory(bounds: { entries: number; bytes: number }): Memory {
  // Without `max`, for which room would be made at the start of every isolate: a fresh one has to answer soon.
  const slots = new LRUCache<string, Slot>({
    maxSize: bounds.bytes,
    // Nothing that is kept pushes out all else: the proof that the caller may have it was read a moment ago, and stays.
    maxEntrySize: Math.floor(bounds.bytes / 2),
    sizeCalculation: (slot, key) => SLOT_BYTES + CHARACTER_BYTES * key.length + slot.bytes,
  });
  return {
    part<V extends object>(name: string): MemoryPart<V> {
      const prefix = `${name} `;
      return {
        get(key, nowMs) {
          const slot = slots.get(prefix + key);
          if (!slot) return undefined;
          if (slot.expiresAtMs > nowMs) return slot.value as V;
          slots.delete(prefix + key);
          return undefined;
        },
        set(key, value, expiresAtMs, bytes) {
          slots.set(prefix + key, { value, expiresAtMs, bytes });
          while (slots.size > bounds.entries) slots.pop();
        },
        delete: (key) => void slots.delete(prefix + key),
        keys(begin) {
          const found: string[] = [];
          for (const key of slots.keys()) if (key.startsWith(prefix + begin)) found.push(key.slice(prefix.length));
          return found;
        },
      };
    },
  };
}
