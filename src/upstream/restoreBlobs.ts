import { within } from '../async.ts';
import { type Lookup, lookUpEach } from '../cache/lookup.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { errorName } from '../telemetry/log.ts';
import type { BlobBytes } from './blobBytes.ts';
import type { Repository } from './repository.ts';
import { storeProven } from './storeFromPush.ts';
import { uploadBytes } from './uploadBytes.ts';

/** A manifest that lacks more is refused: its client uploads what is missing itself, and knows all of it. */
const MAX_BLOBS = 5;
/** In bytes, for all of them: the client waits for its manifest meanwhile. */
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_MS = 20_000;

/**
 * Uploads blobs that the origin has lost, and whose bytes the edge has, with the caller's own credential, so that the
 * manifest that needs them need not be refused. Bytes are those of all repositories, so naming a digest must bring
 * nothing over from another one. A blob is restored only
 *
 * - in a repository of which the record shows, after the origin's 404, that it had this blob: it stands, or this isolate
 *   has evicted it because of such a 404. A delete, an event or a purge would have left a tombstone that reaches
 *   farther. Only a store that shows tombstones at once can tell.
 * - for a caller who has proved that it may have blobs here, and who may push.
 * @param gone what a manifest needs, and the origin does not have
 * @returns whether the origin has all of them now
 */
export async function restoreBlobs(repository: Repository, gone: readonly Digest[]): Promise<boolean> {
  const { ctx, upstream, mayPush } = repository;
  const { bytes } = upstream;
  if (!bytes || !mayPush || !upstream.shared.isAtomic || gone.length > MAX_BLOBS) return false;
  if (!(await repository.hasGrant('GET blobs'))) return false;
  const entries = await recordedEntries(repository, gone);
  const total = entries?.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  if (!entries || total === undefined || total > MAX_BYTES) return false;
  const signal = AbortSignal.any([AbortSignal.timeout(MAX_MS), ctx.signal]);
  for (const entry of entries) if (!(await restore(repository, { bytes, entry, signal }))) return false;
  return true;
}

/** Returns what the record of this repository has of all these blobs; `undefined` if it lacks one. */
async function recordedEntries(repository: Repository, digests: readonly Digest[]): Promise<Entry[] | undefined> {
  const { ctx, upstream, name } = repository;
  const looking = lookUpEach(ctx, upstream.shared.repositoryScoped(name, 'blobs'), digests);
  const lookups = await within(looking, upstream.cacheTimeoutMs);
  const entries = digests.flatMap((digest) => {
    const entry = recordedEntry(repository, digest, lookups?.get(digest));
    // An alias has the bytes of its canonical digest, which would have to be asked for as well.
    return entry?.descriptor.digest === digest ? [entry] : [];
  });
  return entries.length === digests.length ? entries : undefined;
}

/** Returns the entry that stands, or the one that this isolate has evicted, unless a later tombstone hides it. */
function recordedEntry({ ctx, upstream, name }: Repository, digest: Digest, lookup: Lookup | undefined) {
  if (lookup?.outcome === 'hit') return lookup.entry;
  const loss = upstream.recentLosses.find(name, digest, ctx.now());
  return lookup?.outcome === 'miss' && loss && lookup.clearedUntil <= loss.sentAtMs ? loss.entry : undefined;
}

interface Lost {
  readonly bytes: BlobBytes;
  readonly entry: Entry;
  readonly signal: AbortSignal;
}

/** @returns whether the origin has the blob now */
async function restore(repository: Repository, { bytes, entry, signal }: Lost): Promise<boolean> {
  const { ctx, name } = repository;
  const { digest, size } = entry.descriptor;
  const sentAt = ctx.now();
  const isRestored = await uploadBytes(repository, bytes, { digest, size, signal }).catch((error) => {
    ctx.log.info('a lost blob could not be uploaded again', { digest, error: errorName(error) });
    return false;
  });
  ctx.emit({ kind: 'restore', outcome: isRestored ? 'done' : 'failed' });
  if (!isRestored) return false;
  ctx.log.warn('the origin had lost a blob: it was uploaded again', { repository: name, digest });
  await storeProven(repository, repository.item('blobs', digest), { ...entry, verifiedAt: sentAt });
  return true;
}
