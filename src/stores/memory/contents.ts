import type { RequestContext } from '../../context.ts';
import type { Memory } from '../../isolate/memory.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Contents } from '../contents.ts';

/** Larger content would push too much else out. */
const MAX_BYTES = 256 * 1024;

/**
 * Content in this isolate's memory, which nobody else writes to.
 * @param ttlMs how long it is kept
 * @param livesOn whether content that is read is kept for as long again; before another store it is not, so that it is
 *   read there too and lives on there
 */
export function createInMemoryContents(memory: Memory, ttlMs: number, livesOn: boolean): Contents {
  const kept = memory.part<Uint8Array>('content');
  function keep(ctx: RequestContext, digest: Digest, content: Uint8Array): void {
    kept.set(digest, content, ctx.now() + ttlMs, content.length);
  }
  function peek(ctx: RequestContext, digest: Digest): Uint8Array | undefined {
    const content = kept.get(digest, ctx.now());
    if (content && livesOn) keep(ctx, digest, content);
    return content;
  }
  return {
    peek,
    async get(ctx, digest) {
      const content = peek(ctx, digest);
      if (content) ctx.emit({ kind: 'stat', store: 'memory', outcome: 'hit', ms: 0 });
      return content;
    },
    async put(ctx, digest, content) {
      if (content.length <= MAX_BYTES) keep(ctx, digest, content);
    },
  };
}
