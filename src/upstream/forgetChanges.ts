import { allDone, batchesOf, eachInTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import type { RepositoryDescriptors } from '../cache/provider.ts';
import { purgeGone } from '../cache/purge.ts';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Change } from '../oci/notification.ts';
import { forgetInIsolate } from './forget.ts';
import { Repository } from './repository.ts';
import type { Upstream } from './upstream.ts';

/** Tags are dropped and digests cleared in at most this many repositories of one notification. */
const MAX_REPOSITORIES = 200;
/** At most this many tags are dropped in one request to the store. */
const TAGS_PER_REQUEST = 500;
/** Up to this many batches of digests are cleared without a look at which of them are stored. */
const MAX_BLIND_BATCHES = 4;
/**
 * If there are more, one request may do this much: read a batch or a page to see which digests are stored, and clear
 * those that are. Each clear may be 50 writes to KV.
 */
const MAX_LOOKS = 250;
const MAX_CLEARS = 8;
/** At most this many batches are in progress: each may be several requests to KV, and a Worker has six connections. */
const CONCURRENCY = 3;

/** What changed in one repository. */
interface RepositoryChanges {
  /** Where each tag points now; `undefined` if the tag is gone or nobody knows. */
  readonly tags: Map<string, Digest | undefined>;
  readonly digests: Set<Digest>;
  isGone: boolean;
}

type NamedChanges = readonly (readonly [RepositoryName, RepositoryChanges])[];

/** Digests of one link set of a repository, at most as many as fit into one request to the store. */
interface Batch {
  readonly descriptors: RepositoryDescriptors;
  readonly digests: readonly Digest[];
}

/**
 * Forgets what changed, repository by repository and in batches. If one request cannot clear everything, it fails for
 * now: when the registry sends the same notification again, what is already cleared costs only a look, so each
 * repetition gets further. Whatever no number of repetitions could finish stays cached until its window ends, and a
 * warning is logged.
 * @throws RegistryError UNAVAILABLE: there is more to clear; CacheFault: the store failed, and everything else is done
 */
export async function forgetChanges(ctx: RequestContext, upstream: Upstream, changes: readonly Change[]) {
  // An archive keeps what is deleted, and follows what is pushed.
  const followed = upstream.keepsDeleted ? changes.filter(({ kind }) => kind === 'manifest pushed') : changes;
  const all = [...byRepository(followed)];
  for (const [name, { digests, isGone }] of all) {
    forgetInIsolate(upstream, name);
    if (isGone || digests.size > 0) upstream.recentUploads.drop(name);
  }
  const repositories = all.slice(0, MAX_REPOSITORIES);
  if (repositories.length < all.length) warnOfRest(ctx, { repositories: all.length - repositories.length });
  // Tags come first: the digests that they pointed to are cleared together with the others.
  await eachInTurn([dropTags, clearDigests], (step) => step(ctx, upstream, repositories));
}

function byRepository(changes: readonly Change[]): Map<RepositoryName, RepositoryChanges> {
  const repositories = new Map<RepositoryName, RepositoryChanges>();
  for (const change of changes) {
    const repository = repositories.get(change.name) ?? { tags: new Map(), digests: new Set(), isGone: false };
    repositories.set(change.name, repository);
    if (change.kind === 'content deleted') repository.digests.add(change.digest);
    else if (change.kind === 'repository deleted') repository.isGone = true;
    // If two events concern the same tag, the later one says where it points.
    else if (change.kind === 'tag deleted') repository.tags.set(change.tag, undefined);
    else if (change.tag !== undefined) repository.tags.set(change.tag, change.digest);
  }
  return repositories;
}

async function dropTags(ctx: RequestContext, upstream: Upstream, repositories: NamedChanges): Promise<void> {
  const { tags, policies, keepsDeleted } = upstream;
  await concurrently(repositories, async ([name, changes]) => {
    const currentTargets = new Set(changes.tags.values());
    // A move of a tag that never moves is not followed; a delete is.
    const followed = [...changes.tags.keys()].filter((tag) => !changes.tags.get(tag) || !policies.isPinned(name, tag));
    await eachInTurn(batchesOf(followed, TAGS_PER_REQUEST), async (batch) => {
      for (const digest of await tags.drop(ctx, name, batch)) {
        if (!currentTargets.has(digest) && !keepsDeleted) changes.digests.add(digest);
      }
    });
  });
}

async function clearDigests(ctx: RequestContext, upstream: Upstream, repositories: NamedChanges): Promise<void> {
  const batches = repositories.flatMap(([name, { digests }]) =>
    new Repository(ctx, upstream, name)
      .allDescriptors()
      .flatMap((descriptors) =>
        batchesOf([...digests], descriptors.batch).map((batch) => ({ descriptors, digests: batch })),
      ),
  );
  const deletedNames = repositories.flatMap(([name, { isGone }]) => (isGone ? name : []));
  if (deletedNames.length === 0 && batches.length <= MAX_LOOKS && isFew(batches)) {
    return concurrently(batches, ({ descriptors, digests }) =>
      observeClear(ctx, 'clear', () => descriptors.clearEach(ctx, digests)),
    );
  }
  await clearStored(ctx, upstream, batches, deletedNames);
}

/** Whether the digests are few enough to be cleared without a look. Each digest counts twice, once per link set. */
function isFew(batches: readonly Batch[]): boolean {
  const digests = batches.reduce((sum, batch) => sum + batch.digests.length, 0);
  return digests <= 2 * MAX_BLIND_BATCHES * (batches[0]?.descriptors.batch ?? 0);
}

async function clearStored(
  ctx: RequestContext,
  upstream: Upstream,
  batches: readonly Batch[],
  deletedNames: readonly RepositoryName[],
): Promise<void> {
  const allowance = { looks: MAX_LOOKS, clears: MAX_CLEARS };
  await observeClear(ctx, 'clear', async () => {
    await eachInTurn(batches.slice(0, MAX_LOOKS), async ({ descriptors, digests }) => {
      if (allowance.clears === 0) throw moreToClear();
      allowance.looks -= 1;
      if ((await descriptors.clearPresent(ctx, digests)).size > 0) allowance.clears -= 1;
    });
    if (batches.length > MAX_LOOKS) warnOfRest(ctx, { batches: batches.length - MAX_LOOKS });
    await eachInTurn(deletedNames, async (name) => {
      const outcome = await purgeGone(ctx, upstream, name, allowance);
      if (outcome === 'more to clear') throw moreToClear();
      if (outcome === 'too much') warnOfRest(ctx, { repository: name });
    });
  });
}

function moreToClear(): RegistryError {
  return new RegistryError('UNAVAILABLE', {
    message: 'one request could not clear everything: send the same notification again',
  });
}

function warnOfRest(ctx: RequestContext, rest: Readonly<Record<string, number | string>>): void {
  ctx.log.warn('a notification names more than one request can clear: the rest stays cached until its TTL ends', rest);
}

function concurrently<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  return eachInTurn(batchesOf(items, CONCURRENCY), (batch) => allDone(batch.map(work)));
}
