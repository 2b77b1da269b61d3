import { observeClear } from '../cache/clear.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import type { NeededBlob } from '../oci/neededBlobs.ts';
import type { BlobAnswer } from './askBlob.ts';
import { askBlobs, type BlobAnswers } from './askBlobs.ts';
import { isConfirmed, lookUpNeeded } from './confirmedBlobs.ts';
import type { Repository } from './repository.ts';
import { restoreBlobs } from './restoreBlobs.ts';

/**
 * Checks, before a manifest goes to the origin, that every blob that it needs was confirmed within
 * `PUSH_EXISTENCE_TTL`: law 4. A HEAD may have answered "exists" from an older confirmation, perhaps in another
 * isolate, and origins exist that accept whatever manifest they are sent.
 *
 * 1. All are looked up at once. An upload that the origin has just accepted counts as well.
 * 2. The origin is asked for the others, also for those that are not stored any more.
 * 3. What it has lost is uploaded again, if the edge has the bytes.
 * 4. What it does not have is evicted, and the manifest is refused as the origin would refuse it.
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
  const answers = new Map<Digest, BlobAnswer>();
  let failure = await askForUnconfirmed(repository, needed, answers);
  const lost = goneIn(answers).map(({ digest }) => digest);
  if (lost.length > 0 && !failure && (await restoreBlobs(repository, lost))) {
    for (const digest of lost) answers.set(digest, { kind: 'exists', stored: undefined });
    failure = await askForUnconfirmed(repository, needed, answers);
  }
  const gone = goneIn(answers);
  ctx.emit({ kind: 'check', needed: needed.length, asked: answers.size, gone: gone.length });
  if (gone.length > 0) {
    await evictGone(repository, gone);
    // The next attempt has to ask only for the rest.
    await Promise.all([...answers.values()].map((answer) => answer.kind === 'exists' && answer.stored));
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', { details: gone.map(({ digest }) => digest) });
  }
  if (!failure) return undefined;
  if ('error' in failure) throw failure.error;
  return failure.response;
}

/** Asks the origin for the blobs that nothing confirms. @param answers receives its answers; none is asked for again */
async function askForUnconfirmed(
  repository: Repository,
  needed: readonly NeededBlob[],
  answers: Map<Digest, BlobAnswer>,
): Promise<BlobAnswers['failure']> {
  let lookups = await lookUpNeeded(repository, needed);
  const findOpen = () => needed.filter((blob) => !answers.has(blob.digest) && !isConfirmed(repository, blob, lookups));
  const ask = async (blobs: readonly NeededBlob[]) => {
    const asked = await askBlobs(repository, blobs, lookups.blobs);
    for (const [digest, answer] of asked.answers) answers.set(digest, answer);
    return asked.failure;
  };
  if (!repository.isGranted) {
    const failure = await ask(findOpen().slice(0, 1));
    if (failure || [...answers.values()].some(({ kind }) => kind === 'undecided')) return failure;
    await repository.untilProved();
    await repository.authorize('HEAD blobs');
    lookups = await lookUpNeeded(repository, needed);
  }
  // A confirmation that was young enough before the questions may be too old after the answers.
  for (let open = findOpen(); open.length > 0; open = findOpen()) {
    const failure = await ask(open);
    if (failure || goneIn(answers).length > 0) return failure;
  }
  return undefined;
}

function goneIn(answers: ReadonlyMap<Digest, BlobAnswer>): readonly GoneBlob[] {
  return [...answers].flatMap(([digest, answer]) => (answer.kind === 'gone' ? [{ digest, ...answer }] : []));
}

/** So many digests are in the line of the log about a refused manifest. */
const MAX_LOGGED = 5;

interface GoneBlob {
  readonly digest: Digest;
  readonly sentAtMs: number;
}

/** Evicts, in all tiers, what the origin does not have, so that the next HEAD says so. A stranger evicts nothing. */
async function evictGone(repository: Repository, gone: readonly GoneBlob[]): Promise<void> {
  const { ctx, upstream, name } = repository;
  const digests = gone.map(({ digest }) => digest);
  ctx.log.warn('a manifest is refused: the origin does not have blobs that it names', {
    repository: name,
    blobs: gone.length,
    first: digests.slice(0, MAX_LOGGED),
  });
  if (!(await repository.hasGrant('HEAD blobs'))) {
    const accept = ctx.request.headers.get('accept');
    for (const { digest, sentAtMs } of gone)
      upstream.absences.add(ctx, name, 'blobs', { digest, sentAt: sentAtMs, accept });
    return;
  }
  // In one request, as of the first question: another push may have brought a blob back before the last one was sent.
  const earliest = Math.min(...gone.map(({ sentAtMs }) => sentAtMs));
  await observeClear(ctx, 'evict', async () => {
    await repository.descriptors('blobs').evict(ctx, digests, earliest);
  }).catch(() => undefined);
}
