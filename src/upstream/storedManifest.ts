import { within } from '../async.ts';
import { contentItem, withContent } from '../cache/contentItem.ts';
import type { CacheItem } from '../cache/item.ts';
import { type ContentEntry, type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ContentStat } from '../origin/origin.ts';
import { type ContentRequest, isAccepted } from './question.ts';
import type { Repository } from './repository.ts';

/** Returns where the cache may have a manifest with its content. */
export function manifestItem(repository: Repository, digest: Digest): CacheItem<ContentEntry> {
  return contentItem(digest, repository.item('manifests', digest), repository.upstream.contents);
}

/** The same, where another isolate has just stored it. This one may remember less, such as what a HEAD told. */
export function pulledItem(repository: Repository, digest: Digest): CacheItem<ContentEntry> {
  return contentItem(digest, repository.sharedItem('manifests', digest), repository.upstream.contents);
}

/** Reads a manifest from the store. @returns `undefined` if the store is slow or fails, too */
export function readStored(repository: Repository, digest: Digest): Promise<ContentEntry | undefined> {
  const lookup = manifestItem(repository, digest).stat(repository.ctx);
  return within(
    lookup.catch(() => undefined),
    repository.upstream.cacheTimeoutMs,
  );
}

/** A HEAD may give no usable media type, even if the content itself is stored, perhaps for another repository. */
export function isWitnessed({ witness }: Entry): boolean {
  return witness !== 'HEAD';
}

/** Whether the stored manifest could answer a GET of this caller. */
export function isUsable(request: ContentRequest, entry: Entry): boolean {
  return isWitnessed(entry) && isAccepted(request, entry);
}

/**
 * Gives the origin's answer to a HEAD the content of a stored manifest.
 * @returns `undefined` if the HEAD tells another manifest, or another media type, of which it is no witness
 */
export function confirmedBy(
  { response, method, found }: ContentStat,
  stored: ContentEntry,
): ContentStat<ContentEntry> | undefined {
  const isSame =
    found !== undefined && isWitnessed(stored) && isSameDescriptor(stored.descriptor, found.entry.descriptor);
  const entry = isSame ? withContent(found.entry, stored.content) : undefined;
  return entry && found && { response, method, found: { ...found, entry } };
}
