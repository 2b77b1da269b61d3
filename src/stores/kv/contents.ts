import type { RawContents } from '../contents.ts';
import { CONTENT_TIMEOUT_MS } from '../options.ts';
import { CACHE_TTL_SECONDS, type DescriptorNamespace, inTime, kvLife } from './namespace.ts';

interface Written {
  /** Epoch ms. */
  readonly at: number;
}

/**
 * Content in Workers KV, under a key of its own for each digest. KV cannot let a key live longer but by writing it anew:
 * that is done when content is read in the second half of its life.
 * @param lifeMs how long it is kept after it was written
 */
export function kvContents(namespace: DescriptorNamespace, lifeMs: number): RawContents {
  const keyOf = (digest: string) => `content::${digest}`;
  const put = (digest: string, content: ArrayBuffer | Uint8Array, at: number) =>
    inTime(
      namespace.put(keyOf(digest), content, { ...kvLife(lifeMs), metadata: { at } satisfies Written }),
      CONTENT_TIMEOUT_MS,
    );
  return {
    async read(ctx, digest) {
      const options = { type: 'arrayBuffer', cacheTtl: CACHE_TTL_SECONDS } as const;
      const { value, metadata } = await inTime(
        namespace.getWithMetadata<Written>(keyOf(digest), options),
        CONTENT_TIMEOUT_MS,
      );
      if (!value) return undefined;
      const isOld = ctx.now() - (metadata?.at ?? 0) > lifeMs / 2;
      return { content: new Uint8Array(value), renew: isOld ? () => put(digest, value, ctx.now()) : undefined };
    },
    write: (ctx, digest, content) => put(digest, content, ctx.now()),
    remove: (digest) => inTime(namespace.delete(keyOf(digest))),
  };
}
