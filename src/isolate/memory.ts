import { lru } from 'tiny-lru';
import { upstreamPrefix } from '../oci/alias.ts';

/**
 * What this isolate remembers: plain data only, bounded by entries, bytes and time. The least recently used value goes
 * first. A value that weighs more than half of the bytes is not stored.
 */
export interface Memory {
  /** Returns the part for one kind of value. `name` keeps its keys apart; all parts share the bounds. */
  part<V extends object>(name: string): MemoryPart<V>;
  /** Returns this memory for one upstream: the bounds are shared, the keys are its own. */
  ofUpstream(alias: string): Memory;
}

export interface MemoryPart<V extends object> {
  /** @param nowMs the clock's time, epoch ms */
  get(key: string, nowMs: number): V | undefined;
  /** @param bytes roughly what the value weighs, without its key */
  set(key: string, value: V, expiresAtMs: number, bytes: number): void;
  delete(key: string): void;
  /** Returns the keys with this prefix. It walks the whole memory, so it is for rare events only. */
  keys(prefix: string): string[];
}

interface Slot {
  readonly value: object;
  readonly expiresAtMs: number;
  /** What the slot weighs in all. */
  readonly bytes: number;
}

/** What a slot weighs in addition to key and value: map, list and object headers, generously. */
const SLOT_BYTES = 200;
/** V8 stores a string in one or two bytes a character. */
const CHARACTER_BYTES = 2;

export function createMemory(bounds: { entries: number; bytes: number }): Memory {
  const slots = createSlots(bounds);
  const withPrefix = (upstream: string): Memory => ({
    ofUpstream: (alias) => withPrefix(upstreamPrefix(alias)),
    part<V extends object>(name: string): MemoryPart<V> {
      const partPrefix = `${upstream}${name} `;
      return {
        get(key, nowMs) {
          const slot = slots.get(partPrefix + key);
          if (!slot) return undefined;
          if (slot.expiresAtMs > nowMs) return slot.value as V;
          slots.delete(partPrefix + key);
          return undefined;
        },
        set(key, value, expiresAtMs, valueBytes) {
          const bytes = SLOT_BYTES + CHARACTER_BYTES * (partPrefix.length + key.length) + valueBytes;
          slots.set(partPrefix + key, { value, expiresAtMs, bytes });
        },
        delete: (key) => slots.delete(partPrefix + key),
        keys: (prefix) =>
          slots
            .keys()
            .filter((key) => key.startsWith(partPrefix + prefix))
            .map((key) => key.slice(partPrefix.length)),
      };
    },
  });
  return withPrefix('');
}

/** Keeps the slots within the bounds: the least recently used one goes first. */
function createSlots(bounds: { entries: number; bytes: number }) {
  const slots = lru<Slot>(bounds.entries);
  let bytes = 0;
  slots.onEvict(({ value }) => {
    bytes -= value.bytes;
  });
  function remove(key: string): void {
    bytes -= slots.peek(key)?.bytes ?? 0;
    slots.delete(key);
  }
  return {
    get: (key: string) => slots.get(key),
    keys: () => slots.keys(),
    delete: remove,
    set(key: string, slot: Slot) {
      remove(key);
      // No single value evicts everything else: the proof of the caller's access, read a moment ago, has to stay.
      if (slot.bytes > bounds.bytes / 2) return;
      slots.set(key, slot);
      bytes += slot.bytes;
      while (bytes > bounds.bytes) slots.evict();
    },
  };
}
