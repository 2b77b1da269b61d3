import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { Tag } from '../tagRecords.ts';

/**
 * The keys of one upstream. Those of blobs are `distribution`'s (`registry/storage/cache/redis`): a set per repository
 * holds its members; a hash per digest holds the global descriptor, whose media type the first writer decides; a hash
 * per repository and digest holds the repository's own media type. Manifests, which a registry keeps among its blobs,
 * have the same three keys with `manifests` in place of `blobs`.
 *
 *     SET     repository::<name>::blobs              digests
 *     HASH    blobs::<digest>                        digest, size, mediatype
 *     HASH    repository::<name>::blobs::<digest>    mediatype
 *
 * The others are the edge's own, and no registry reads them.
 *
 *     HASH    registry-edge::<name>::blobs::<digest>
 *     HASH    registry-edge::blobs::<digest>
 *     STRING  registry-edge::content::<digest>
 *     HASH    registry-edge::tags::<name>::<tag>
 */
export interface RedisKeys {
  members(name: RepositoryName, links: LinkSet): string;
  scoped(name: RepositoryName, links: LinkSet, digest: Digest): string;
  global(links: LinkSet, digest: Digest): string;
  /** What the edge adds to a blob's scoped hash, where that belongs to a registry. */
  ownScoped(name: RepositoryName, digest: Digest): string;
  /** What the edge adds to a blob's global hash, where that belongs to a registry. */
  ownGlobal(digest: Digest): string;
  content(digest: Digest): string;
  /** `*` as name or tag makes a pattern for SCAN. */
  tag(tag: Tag | { readonly name: RepositoryName | '*'; readonly tag: string }): string;
}

/** @param prefix of every key */
export function createKeys(prefix: string): RedisKeys {
  const own = `${prefix}registry-edge::`;
  return {
    members: (name, links) => `${prefix}repository::${name}::${links}`,
    scoped: (name, links, digest) => `${prefix}repository::${name}::${links}::${digest}`,
    global: (links, digest) => `${prefix}${links}::${digest}`,
    ownScoped: (name, digest) => `${own}${name}::blobs::${digest}`,
    ownGlobal: (digest) => `${own}blobs::${digest}`,
    content: (digest) => `${own}content::${digest}`,
    tag: ({ name, tag }) => `${own}tags::${name}::${tag}`,
  };
}

/** The fields of a global hash that a registry writes. */
export const GLOBAL_FIELDS = ['digest', 'size', 'mediatype'] as const;
