import { within } from '../async.ts';
import { lookUp } from '../cache/lookup.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import type { ContentStat } from '../origin/origin.ts';
import type { AskOptions, ContentKind, ContentRequest } from './question.ts';
import type { Repository } from './repository.ts';

/** Whether content exists is asked of the origin, and nobody else. */
export interface ExistenceKind extends ContentKind<Entry> {
  ask(repository: Repository, request: ContentRequest, options: AskOptions<Entry>): Promise<ContentStat>;
}

/** `HEAD` of a blob: its descriptor. */
export const BLOB_EXISTENCE: ExistenceKind = {
  answers: 'HEAD blobs',
  links: 'blobs',
  answersWhileFailing: false,
  peek: (repository, digest) => repository.peek('blobs', digest),
  item: (repository, digest) => repository.item('blobs', digest),
  isWitnessed: () => true,
  ask: ({ ctx, upstream }, { target: { path, search }, reference }, { cancelled }) =>
    upstream.origin.statBlob(ctx, { path, search, digest: digestIn(reference) }, cancelled),
};

/**
 * Returns what the cache holds of a blob, fresh or not, for a caller with a grant; nothing where the cache does not
 * answer in time, or where this caller may rely on no entry at all.
 */
export async function knownBlob(repository: Repository, digest: Digest): Promise<Entry | undefined> {
  const { ctx, upstream, windowMs } = repository;
  if (windowMs === 0) return undefined;
  const looked = await within(lookUp(ctx, repository.item('blobs', digest)), upstream.cacheTimeoutMs);
  return looked?.outcome === 'hit' ? looked.entry : undefined;
}

/** Returns the digest of a blob. */
export function digestIn(reference: Reference): Digest {
  if (reference.kind !== 'digest') throw new TypeError('a blob has no tags');
  return reference.text;
}

/** `HEAD` of a manifest: its descriptor. */
export const MANIFEST_EXISTENCE: ExistenceKind = {
  answers: 'HEAD manifests',
  links: 'manifests',
  answersWhileFailing: true,
  peek: (repository, digest) => repository.peek('manifests', digest),
  item: (repository, digest) => repository.item('manifests', digest),
  // A media type from a GET holds for a HEAD, too, unless this origin was seen to hide it from HEADs.
  isWitnessed: ({ upstream }, { witness }) => witness !== 'GET' || !upstream.origin.traits.hidesManifestTypes,
  ask: ({ ctx, upstream }, { target: { path, search }, reference, accept }, { cancelled }) =>
    upstream.origin.statManifest(ctx, path + search, { reference, accept: accept ?? undefined, signal: cancelled }),
};
