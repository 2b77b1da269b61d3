import type { RawContents } from './contents.ts';
import { CACHE_TTL_SECONDS, type DescriptorNamespace, inTime, kvLife } from './kv.ts';

/** Content in Workers KV, under a key of its own for each digest. @param retentionMs how long it can be of use */
export function kvContents(namespace: DescriptorNamespace, retentionMs: number): RawContents {
  const keyOf = (digest: string) => `content::${digest}`;
  const life = kvLife(retentionMs);
  return {
    async read(digest) {
      const content = await inTime(namespace.get(keyOf(digest), { type: 'arrayBuffer', cacheTtl: CACHE_TTL_SECONDS }));
      return content ? new Uint8Array(content) : undefined;
    },
    write: (digest, content) => inTime(namespace.put(keyOf(digest), content, life)),
    remove: (digest) => inTime(namespace.delete(keyOf(digest))),
  };
}
