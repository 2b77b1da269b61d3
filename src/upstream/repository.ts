import { type CacheItem, descriptorItem } from '../cache/item.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from './upstream.ts';

/** A digest in one link set of a repository. */
export interface ContentKey {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  readonly digest: Digest;
}

/**
 * Returns the cache item of a digest's descriptor. Callers that may push read it from the store that all isolates
 * share.
 */
export function repositoryItem(upstream: Upstream, { name, digest, links }: ContentKey, mayPush: boolean) {
  return descriptorItem(digest, {
    reader: readerFor(upstream, mayPush).repositoryScoped(name, links),
    writer: () => upstream.descriptors.repositoryScoped(name, links),
    ttls: upstream.ttls,
  });
}

/**
 * Returns the items whose tombstones may hide the entry with which another request was answered: that of the digest
 * itself, unless this caller has already looked it up, and that of the canonical digest which the origin named.
 */
export function unseenItems(
  upstream: Upstream,
  { name, digest, links }: ContentKey,
  shared: Entry,
  { hasLooked, mayPush }: { readonly hasLooked: boolean; readonly mayPush: boolean },
): CacheItem[] {
  const digests = new Set([digest, shared.descriptor.digest]);
  if (hasLooked) digests.delete(digest);
  return [...digests].map((candidate) => repositoryItem(upstream, { name, links, digest: candidate }, mayPush));
}

/** Returns the descriptors that a caller reads: all tiers, or the shared store for callers that may push. */
export function readerFor({ shared, descriptors }: Upstream, mayPush: boolean) {
  return mayPush ? shared : descriptors;
}

/** Returns how long a caller may rely on a digest's confirmed entry, in ms. */
export function windowOf({ ttls }: Upstream, mayPush: boolean): number {
  return mayPush ? ttls.pushExistenceMs : ttls.descriptorMs;
}
