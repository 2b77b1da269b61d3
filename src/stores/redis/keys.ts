import type { Digest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import type { RepositoryName } from '../../oci/name.ts';

/**
 * Returns the keys of a repository, as `distribution` names them (`registry/storage/cache/redis`). A set per repository
 * holds its members. A hash per digest holds the global descriptor, whose media type the first writer decides. A hash
 * per repository and digest holds the repository's own media type. Manifests, which a registry keeps among its blobs,
 * have the same three keys with `manifests` in place of `blobs`.
 *
 *     SET   repository::<name>::blobs             digests
 *     HASH  blobs::<digest>                       digest, size, mediatype
 *     HASH  repository::<name>::blobs::<digest>   mediatype
 */
export function repositoryKeys(name: RepositoryName, links: LinkSet) {
  const members = `repository::${name}::${links}`;
  return {
    members,
    scoped: (digest: Digest) => `${members}::${digest}`,
  };
}

/** Returns the key of the global descriptor of a digest. */
export function globalKey(links: LinkSet, digest: Digest): string {
  return `${links}::${digest}`;
}

/** The fields of a global hash that a registry writes. */
export const GLOBAL_FIELDS = ['digest', 'size', 'mediatype'] as const;
