import { descriptorItem } from '../cache/item.ts';
import { LINK_SETS, type LinkSet, type RepositoryDescriptors } from '../cache/provider.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from '../upstream.ts';

/** Content of a repository. */
export interface Linked {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  readonly digest: Digest;
}

/** Where the descriptor of a digest is: for callers that may push, in the store that all isolates share. */
export function itemIn(upstream: Upstream, { name, digest, links }: Linked, mayPush: boolean) {
  return descriptorItem(digest, {
    reader: readerFor(upstream, mayPush).repositoryScoped(name, links),
    writer: () => upstream.descriptors.repositoryScoped(name, links),
    ttls: upstream.ttls,
  });
}

export function readerFor({ shared, descriptors }: Upstream, mayPush: boolean) {
  return mayPush ? shared : descriptors;
}

/** How long a caller may rely on what the origin confirmed of a digest, in ms. */
export function windowOf({ ttls }: Upstream, mayPush: boolean): number {
  return mayPush ? ttls.pushExistenceMs : ttls.descriptorMs;
}

/**
 * A repository's descriptors in every link set: what is gone is gone from both, since an error does not say which, and
 * registries keep manifests among the blobs.
 */
export function bothIn({ descriptors }: Upstream, name: RepositoryName): RepositoryDescriptors[] {
  return LINK_SETS.map((links) => descriptors.repositoryScoped(name, links));
}
