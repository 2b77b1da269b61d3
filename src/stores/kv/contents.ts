import { CONTENT_TIMEOUT_MS } from '../options.ts';
import type { ContentRecords } from '../store.ts';
import { withTimeout } from '../timeout.ts';
import { CACHE_TTL_SECONDS, type DescriptorNamespace, kvExpiration } from './namespace.ts';

/** The metadata of a value. */
interface Written {
  /** When it was written (epoch ms). */
  readonly at: number;
}

/**
 * Stores content in Workers KV, one key per digest. KV can prolong the life of a key only by writing it again, which is
 * done when content is read in the second half of its life.
 * @param prefix of every key
 * @param lifeMs how long content is kept after it was written
 */
export function createKvContents(namespace: DescriptorNamespace, prefix: string, lifeMs: number): ContentRecords {
  const keyOf = (digest: string) => `${prefix}content::${digest}`;
  const put = (digest: string, content: ArrayBuffer | Uint8Array, at: number) =>
    withTimeout(
      namespace.put(keyOf(digest), content, { ...kvExpiration(lifeMs), metadata: { at } satisfies Written }),
      CONTENT_TIMEOUT_MS,
    );
  return {
    async read(ctx, digest) {
      const options = { type: 'arrayBuffer', cacheTtl: CACHE_TTL_SECONDS } as const;
      const { value, metadata } = await withTimeout(
        namespace.getWithMetadata<Written>(keyOf(digest), options),
        CONTENT_TIMEOUT_MS,
      );
      if (!value) return undefined;
      const isOld = ctx.now() - (metadata?.at ?? 0) > lifeMs / 2;
      return { content: new Uint8Array(value), renew: isOld ? () => put(digest, value, ctx.now()) : undefined };
    },
    write: (ctx, digest, content) => put(digest, content, ctx.now()),
    remove: (_ctx, digest) => withTimeout(namespace.delete(keyOf(digest))),
  };
}
