import type { Memory } from '../memory.ts';
import type { Contents } from './contents.ts';

/** Larger content would push too much else out. */
const MAX_BYTES = 256 * 1024;

/** Content in this isolate's memory, which nobody else writes to. @param ttlMs how long it is kept */
export function createInMemoryContents(memory: Memory, ttlMs: number): Contents {
  const kept = memory.part<Uint8Array>('content');
  return {
    peek: (ctx, digest) => kept.get(digest, ctx.now()),
    async get(ctx, digest) {
      const content = kept.get(digest, ctx.now());
      if (content) ctx.emit({ kind: 'stat', store: 'memory', outcome: 'hit', ms: 0 });
      return content;
    },
    async put(ctx, digest, content) {
      if (content.length <= MAX_BYTES) kept.set(digest, content, ctx.now() + ttlMs, content.length);
    },
  };
}
