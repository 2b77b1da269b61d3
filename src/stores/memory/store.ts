import type { Memory } from '../../isolate/memory.ts';
import type { StoreOptions } from '../options.ts';
import type { Store } from '../store.ts';
import { createInMemoryContents } from './contents.ts';
import { createInMemoryDescriptors } from './descriptors.ts';
import { createInMemoryTags } from './tags.ts';

/** The name of this isolate's memory in `Cache-Status`, as the only store and as a tier. */
export const MEMORY_NAME = 'memory';

/** Keeps everything in this isolate's memory, which other isolates do not see. */
export function createInMemoryStore({ memory, retentionMs, maxClearedForMs }: StoreOptions): Store {
  const { peek: peekDescriptor, ...descriptors } = createInMemoryDescriptors(memory, {
    ttlMs: retentionMs,
    keepsGlobal: true,
  });
  const { peek: peekContent, contents } = createInMemoryContents(memory, { ttlMs: retentionMs, livesOn: true });
  return {
    name: MEMORY_NAME,
    isShared: false,
    isAtomic: true,
    ...descriptors,
    contents,
    tags: createInMemoryTags(memory, retentionMs + maxClearedForMs),
    history: undefined,
    peek: { descriptor: peekDescriptor, content: peekContent },
  };
}

/**
 * Keeps in this isolate's memory a copy of what another store holds. The global records are left to that store, and so
 * are the tags, which move.
 * @param ttlMs how long a copy answers before it has to be read from the store behind
 */
export function createMemoryTier(memory: Memory, ttlMs: number): Store {
  const { peek: peekDescriptor, ...descriptors } = createInMemoryDescriptors(memory, { ttlMs, keepsGlobal: false });
  const { peek: peekContent, contents } = createInMemoryContents(memory, { ttlMs, livesOn: false });
  return {
    name: MEMORY_NAME,
    isShared: false,
    isAtomic: true,
    ...descriptors,
    contents,
    tags: undefined,
    history: undefined,
    peek: { descriptor: peekDescriptor, content: peekContent },
  };
}
