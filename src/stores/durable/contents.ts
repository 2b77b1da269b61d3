import { CONTENT_TIMEOUT_MS } from '../options.ts';
import type { ContentRecords } from '../store.ts';
import { withTimeout } from '../timeout.ts';
import type { Objects } from './requests.ts';

/** A row may have 2 MB. */
const MAX_CONTENT_BYTES = 1_900_000;

/** Content, in 256 objects: two digits of the digest choose one. */
export function createDurableContents({ objectOf, send }: Objects, lifeMs: number): ContentRecords {
  const destinationOf = (digest: string) => ({
    name: `content ${digest.split(':')[1]?.slice(0, 2)}`,
    timeoutMs: CONTENT_TIMEOUT_MS,
  });
  return {
    async read(ctx, digest) {
      const to = destinationOf(digest);
      const found = await withTimeout(objectOf(to.name).readContent(digest), CONTENT_TIMEOUT_MS);
      if (!found) return undefined;
      const { content, isOld } = found;
      const renew = () => send(ctx, to, 'write', ['content', digest, content, lifeMs]);
      return { content, renew: isOld ? renew : undefined };
    },
    async write(ctx, digest, content) {
      if (content.length > MAX_CONTENT_BYTES) return;
      await send(ctx, destinationOf(digest), 'write', ['content', digest, content, lifeMs]);
    },
    remove: (ctx, digest) => send(ctx, destinationOf(digest), 'clear', ['content', digest]),
  };
}
