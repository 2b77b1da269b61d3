import { type CacheItem, descriptorItem } from '../cache/item.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { LINK_SETS, type LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { RepositoryDescriptors } from '../stores/descriptors.ts';
import type { Upstream } from './upstream.ts';

/** Content of a repository. */
export interface ContentKey {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  readonly digest: Digest;
}

/** Where the descriptor of a digest is: for callers that may push, in the store that all isolates share. */
export function itemIn(upstream: Upstream, { name, digest, links }: ContentKey, mayPush: boolean) {
  return descriptorItem(digest, {
    reader: readerFor(upstream, mayPush).repositoryScoped(name, links),
    writer: () => upstream.descriptors.repositoryScoped(name, links),
    ttls: upstream.ttls,
  });
}

/**
 * Where else a tombstone of what another caller's question found may stand: under the digest itself, where nobody has
 * looked there yet, and under the canonical one that the origin named.
 */
export function unseenIn(
  upstream: Upstream,
  { name, digest, links }: ContentKey,
  shared: Entry,
  { hasLooked, mayPush }: { readonly hasLooked: boolean; readonly mayPush: boolean },
): CacheItem[] {
  const digests = new Set([digest, shared.descriptor.digest]);
  if (hasLooked) digests.delete(digest);
  return [...digests].map((one) => itemIn(upstream, { name, links, digest: one }, mayPush));
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
export function bothLinkSets({ descriptors }: Upstream, name: RepositoryName): RepositoryDescriptors[] {
  return LINK_SETS.map((links) => descriptors.repositoryScoped(name, links));
}
