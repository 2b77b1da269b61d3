import { within } from '../async.ts';
import { isFresh } from '../cache/freshness.ts';
import { type Lookup, lookUpEach } from '../cache/lookup.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import { MAX_NAMED } from '../oci/manifest.ts';
import type { NeededBlob } from '../oci/neededBlobs.ts';
import { isAlive } from '../stores/tombstone.ts';
import type { Repository } from './repository.ts';

/** What the shared store has of the blobs that a manifest needs; `undefined`: no look, or the store is slow. */
export interface NeededLookups {
  readonly blobs: ReadonlyMap<Digest, Lookup> | undefined;
  /** Of what the manifest calls manifests, unless it is confirmed as blobs. */
  readonly manifests: ReadonlyMap<Digest, Lookup> | undefined;
}

/** Looks up the blobs that a manifest needs, as far as the caller has proved that it may know of them (law 1). */
export async function lookUpNeeded(repository: Repository, needed: readonly NeededBlob[]): Promise<NeededLookups> {
  if (!repository.isGranted) return { blobs: undefined, manifests: undefined };
  const blobs = await lookUpIn(repository, 'blobs', needed);
  const asBlobs = { blobs, manifests: undefined };
  const open = needed.filter((blob) => blob.isManifest && !isConfirmed(repository, blob, asBlobs));
  if (open.length === 0 || !(await repository.hasGrant('HEAD manifests'))) return asBlobs;
  return { blobs, manifests: await lookUpIn(repository, 'manifests', open) };
}

/** Looks at most `MAX_NAMED` blobs up. @returns `undefined` if the store is slow */
function lookUpIn({ ctx, upstream, name }: Repository, links: LinkSet, blobs: readonly NeededBlob[]) {
  const digests = blobs.slice(0, MAX_NAMED).map(({ digest }) => digest);
  const looking = lookUpEach(ctx, upstream.shared.repositoryScoped(name, links), digests);
  return within(looking, upstream.cacheTimeoutMs);
}

/**
 * Whether a blob is confirmed now: by the origin within `PUSH_EXISTENCE_TTL`, as a blob or as a manifest, or by its 201
 * to an upload that counts for this caller.
 */
export function isConfirmed(repository: Repository, { digest }: NeededBlob, lookups: NeededLookups): boolean {
  const { ctx, upstream, name, isGranted } = repository;
  const asBlob = lookups.blobs?.get(digest);
  if (isRecent(repository, asBlob) || isRecent(repository, lookups.manifests?.get(digest))) return true;
  const uploadedAt = upstream.recentUploads.find(ctx, name, digest, isGranted);
  const clearedUntil = asBlob && asBlob.outcome !== 'fault' ? asBlob.clearedUntil : 0;
  return uploadedAt !== undefined && isAlive(uploadedAt, clearedUntil);
}

function isRecent({ ctx, upstream }: Repository, lookup: Lookup | undefined): boolean {
  return lookup?.outcome === 'hit' && isFresh(lookup.entry, ctx.now(), upstream.ttls.pushExistenceMs);
}
