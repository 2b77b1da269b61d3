import type { RequestContext } from '../../context.ts';
import type { Memory } from '../../isolate/memory.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ContentRecords, Peek } from '../store.ts';

/** Larger content would evict too many other values. */
const MAX_BYTES = 256 * 1024;

/**
 * Keeps content in this isolate's memory, to which nobody else writes.
 * @param ttlMs how long content is kept
 * @param livesOn whether reading content keeps it for another `ttlMs`. False for a tier in front of another store:
 *   there the content has to be read from time to time too, so that its life is prolonged
 */
export function createInMemoryContents(
  memory: Memory,
  { ttlMs, livesOn }: { readonly ttlMs: number; readonly livesOn: boolean },
): { readonly contents: ContentRecords; readonly peek: Peek['content'] } {
  const contents = memory.part<Uint8Array>('content');
  function store(ctx: RequestContext, digest: Digest, content: Uint8Array): void {
    contents.set(digest, content, ctx.now() + ttlMs, content.length);
  }
  function peek(ctx: RequestContext, digest: Digest): Uint8Array | undefined {
    const content = contents.get(digest, ctx.now());
    if (content && livesOn) store(ctx, digest, content);
    return content;
  }
  return {
    peek,
    contents: {
      async read(ctx, digest) {
        const content = peek(ctx, digest);
        return content && { content };
      },
      async write(ctx, digest, content) {
        if (content.length <= MAX_BYTES) store(ctx, digest, content);
      },
      async remove(_ctx, digest) {
        contents.delete(digest);
      },
    },
  };
}
