import { within } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import { isFresh } from '../cache/freshness.ts';
import { type Lookup, lookUpEach } from '../cache/lookup.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import type { LinkSet } from '../oci/links.ts';
import { MAX_NAMED } from '../oci/manifest.ts';
import type { NeededBlob } from '../oci/neededBlobs.ts';
import { isAlive } from '../stores/tombstone.ts';
import { askBlobs, type BlobAnswers } from './askBlobs.ts';
import type { Repository } from './repository.ts';

/**
 * Checks, before a manifest goes to the origin, that every blob that it needs was confirmed within
 * `PUSH_EXISTENCE_TTL`: law 4. A HEAD may have answered "exists" from an older confirmation, perhaps in another isolate,
 * and origins exist that accept whatever manifest they are sent.
 *
 * 1. All are looked up at once. An upload that the origin has just accepted from this caller counts as well.
 * 2. The origin is asked for the others, also for those that are not stored any more.
 * 3. What it does not have is evicted, and the manifest is refused as the origin would refuse it.
 *
 * For a caller without a grant nothing is looked up, since the time that a look spares would show what is stored. The
 * origin is asked for the first blob alone: either its answer is the proof, or there is none, and the origin judges.
 * @returns the origin's own failure, with which the manifest is answered; `undefined` if the manifest may go on
 * @throws RegistryError MANIFEST_BLOB_UNKNOWN; ORIGIN_UNREACHABLE
 */
export async function checkBlobs(repository: Repository, needed: readonly NeededBlob[]): Promise<Response | undefined> {
  const { ctx, upstream, name } = repository;
  await repository.authorize('HEAD blobs');
  // A client without a token learns where to get one from the origin's answer to its manifest.
  if (!repository.isGranted && upstream.authorizer.needsLogin(ctx, name)) return undefined;
  let { open, lookups } = await findOpen(repository, needed);
  const asked = open.length;
  let first: BlobAnswers | undefined;
  if (!repository.isGranted && open.length > 1) {
    first = await askBlobs(repository, open.slice(0, 1), undefined);
    const [answer] = first.answers.values();
    if (answer?.kind === 'undecided') open = [];
    else if (!first.failure) {
      await repository.untilProved();
      await repository.authorize('HEAD blobs');
      ({ open, lookups } = await findOpen(repository, open.slice(1)));
    }
  }
  const rest = first?.failure ? first : await askBlobs(repository, open, lookups);
  const answers = new Map([...(first?.answers ?? []), ...rest.answers]);
  const gone = [...answers].flatMap(([digest, answer]) => (answer.kind === 'gone' ? [{ digest, ...answer }] : []));
  ctx.emit({ kind: 'check', needed: needed.length, asked, gone: gone.length });
  if (gone.length > 0) {
    await evictGone(repository, gone);
    // The next attempt has to ask only for the rest.
    await Promise.all([...answers.values()].map((answer) => answer.kind === 'exists' && answer.stored));
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', { details: gone.map(({ digest }) => digest) });
  }
  if (!rest.failure) return undefined;
  if ('error' in rest.failure) throw rest.failure.error;
  return rest.failure.response;
}

interface OpenBlobs {
  /** The blobs that nothing confirms. */
  readonly open: readonly NeededBlob[];
  /** What the look found; `undefined` if there was none, or the store is slow. */
  readonly lookups: ReadonlyMap<Digest, Lookup> | undefined;
}

async function findOpen(repository: Repository, needed: readonly NeededBlob[]): Promise<OpenBlobs> {
  const { ctx, upstream, name, isGranted } = repository;
  const isUploaded = (digest: Digest, lookup: Lookup | undefined) => {
    const sentAt = upstream.recentUploads.find(ctx, name, digest, isGranted);
    const clearedUntil = lookup && lookup.outcome !== 'fault' ? lookup.clearedUntil : 0;
    return sentAt !== undefined && isAlive(sentAt, clearedUntil);
  };
  const lookups = isGranted ? await lookUpIn(repository, 'blobs', needed) : undefined;
  const open = needed.filter(({ digest }) => {
    const lookup = lookups?.get(digest);
    return !isConfirmed(repository, lookup) && !isUploaded(digest, lookup);
  });
  // What the manifest calls a manifest may be confirmed as one, for a caller that may know of manifests.
  const manifests = isGranted ? open.filter(({ isManifest }) => isManifest) : [];
  if (manifests.length === 0 || !(await repository.hasGrant('HEAD manifests'))) return { open, lookups };
  const asManifests = await lookUpIn(repository, 'manifests', manifests);
  return { open: open.filter(({ digest }) => !isConfirmed(repository, asManifests?.get(digest))), lookups };
}

/** Looks at most `MAX_NAMED` blobs up in the store that all isolates share. @returns `undefined` if it is slow */
function lookUpIn({ ctx, upstream, name }: Repository, links: LinkSet, blobs: readonly NeededBlob[]) {
  const digests = blobs.slice(0, MAX_NAMED).map(({ digest }) => digest);
  const looking = lookUpEach(ctx, upstream.shared.repositoryScoped(name, links), digests);
  return within(looking, upstream.cacheTimeoutMs);
}

function isConfirmed({ ctx, upstream }: Repository, lookup: Lookup | undefined): boolean {
  return lookup?.outcome === 'hit' && isFresh(lookup.entry, ctx.now(), upstream.ttls.pushExistenceMs);
}

interface GoneBlob {
  readonly digest: Digest;
  readonly sentAtMs: number;
}

/** Evicts, in all tiers, what the origin does not have, so that the next HEAD says so. A stranger evicts nothing. */
async function evictGone(repository: Repository, gone: readonly GoneBlob[]): Promise<void> {
  const { ctx, upstream, name } = repository;
  ctx.log.warn('a manifest is refused: the origin has lost blobs that it names', {
    repository: name,
    blobs: gone.length,
  });
  if (!(await repository.hasGrant('HEAD blobs'))) {
    const accept = ctx.request.headers.get('accept');
    for (const { digest, sentAtMs } of gone)
      upstream.absences.add(ctx, name, 'blobs', { digest, sentAt: sentAtMs, accept });
    return;
  }
  const digests = gone.map(({ digest }) => digest);
  // In one request, as of the first question: another push may have brought a blob back before the last one was sent.
  const earliest = Math.min(...gone.map(({ sentAtMs }) => sentAtMs));
  await observeClear(ctx, 'clear', async () => {
    await repository.descriptors('blobs').evict(ctx, digests, earliest);
  }).catch(() => undefined);
}
