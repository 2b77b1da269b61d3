import { LRUCache } from 'lru-cache';
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
  readonly bytes: number;
}

/** What a slot weighs in addition to key and value: map, list and object headers, generously. */
const SLOT_BYTES = 200;
/** V8 stores a string in one or two bytes a character. */
const CHARACTER_BYTES = 2;

export function createMemory(bounds: { entries: number; bytes: number }): Memory {
  // No `max`: the LRU would allocate that many slots at the start of every isolate, whose first request waits for it.
  const slots = new LRUCache<string, Slot>({
    maxSize: bounds.bytes,
    // No single value evicts everything else: the proof of the caller's access, read a moment ago, has to stay.
    maxEntrySize: Math.floor(bounds.bytes / 2),
    sizeCalculation: (slot, key) => SLOT_BYTES + CHARACTER_BYTES * key.length + slot.bytes,
  });
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
        set(key, value, expiresAtMs, bytes) {
          slots.set(partPrefix + key, { value, expiresAtMs, bytes });
          while (slots.size > bounds.entries) slots.pop();
        },
        delete: (key) => void slots.delete(partPrefix + key),
        keys(prefix) {
          const keys: string[] = [];
          for (const key of slots.keys()) {
            if (key.startsWith(partPrefix + prefix)) keys.push(key.slice(partPrefix.length));
          }
          return keys;
        },
      };
    },
  });
  return withPrefix('');
}
