import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';

/**
 * The keys of `distribution` (`registry/storage/cache/redis`): a set per repository tells membership, a hash per digest
 * holds the global descriptor, whose media type the first writer decides, and a hash per repository and digest holds the
 * repository's own media type. Manifests, which a registry keeps among the blobs, have the same three under a word of
 * their own.
 *
 *     SET   repository::<name>::blobs             digests
 *     HASH  blobs::<digest>                       digest, size, mediatype
 *     HASH  repository::<name>::blobs::<digest>   mediatype
 */
export function keysOf(name: RepositoryName, links: LinkSet) {
  const members = `repository::${name}::${links}`;
  return {
    members,
    scoped: (digest: Digest) => `${members}::${digest}`,
  };
}

export function globalKey(links: LinkSet, digest: Digest): string {
  return `${links}::${digest}`;
}

/** Fields of a global hash that are a registry's. */
export const GLOBAL_FIELDS = ['digest', 'size', 'mediatype'] as const;
