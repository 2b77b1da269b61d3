import { allDone, batchesOf, inTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import { purgeDescriptors } from '../cache/purge.ts';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Change } from '../oci/notification.ts';
import type { RepositoryDescriptors } from '../stores/descriptors.ts';
import { bothLinkSets } from './repository.ts';
import type { Upstream } from './upstream.ts';

/** At most this many repositories of an envelope have tags dropped and digests cleared. */
const MAX_REPOSITORIES = 200;
/** At most this many tags are dropped in one request to the store. */
const TAGS_AT_ONCE = 500;
/** Up to this many batches of digests are cleared whether they are there or not. */
const MAX_BATCHES_CLEARED = 4;
/**
 * What else one request may do: look what is there, for a batch or a page, and clear what was found, of which each may be 50
 * writes to KV.
 */
const MAX_LOOKS = 250;
const MAX_CLEARS = 8;
/** At most this many requests wait at once: each may be several to KV, and a Worker has six connections. */
const AT_ONCE = 3;

/** What changed in one repository. */
interface Changed {
  /** Where each tag leads now; `undefined`: nowhere, or nobody knows. */
  readonly tags: Map<string, Digest | undefined>;
  readonly digests: Set<Digest>;
  isGone: boolean;
}

/** Some digests of one link set of a repository. */
interface Batch {
  readonly scope: RepositoryDescriptors;
  readonly digests: readonly Digest[];
}

/**
 * Forgets what changed, in batches for each repository. What a request may not do in one go is refused for now: what it did
 * is only looked up when the same is sent again, so that each time brings it further. What no number of repetitions would
 * bring to an end is left to its window, and the log says so.
 * @throws RegistryError UNAVAILABLE: there is more to clear; CacheFault: the store failed, and all else is done
 */
export async function forgetChanges(ctx: RequestContext, upstream: Upstream, changes: readonly Change[]) {
  const all = [...byRepository(changes)];
  for (const [name] of all) {
    upstream.flights.close(name);
    upstream.lists.drop(name);
  }
  const some = all.slice(0, MAX_REPOSITORIES);
  if (some.length < all.length) warnOfRest(ctx, { repositories: all.length - some.length });
  // Tags first: where they led is forgotten with the digests.
  await inTurn([dropAll, clearAll], (step) => step(ctx, upstream, some));
}

type Repositories = readonly (readonly [RepositoryName, Changed])[];

function byRepository(changes: readonly Change[]): Map<RepositoryName, Changed> {
  const all = new Map<RepositoryName, Changed>();
  for (const change of changes) {
    const of = all.get(change.name) ?? { tags: new Map(), digests: new Set(), isGone: false };
    all.set(change.name, of);
    if (change.kind === 'content deleted') of.digests.add(change.digest);
    else if (change.kind === 'repository deleted') of.isGone = true;
    // Of two events about a tag the later one says where it leads.
    else if (change.kind === 'tag deleted') of.tags.set(change.tag, undefined);
    else if (change.tag !== undefined) of.tags.set(change.tag, change.digest);
  }
  return all;
}

async function dropAll(ctx: RequestContext, { tags }: Upstream, some: Repositories): Promise<void> {
  await concurrently(some, async ([name, changed]) => {
    const lead = new Set(changed.tags.values());
    await inTurn(batchesOf([...changed.tags.keys()], TAGS_AT_ONCE), async (names) => {
      for (const digest of await tags.drop(ctx, name, names)) if (!lead.has(digest)) changed.digests.add(digest);
    });
  });
}

async function clearAll(ctx: RequestContext, upstream: Upstream, some: Repositories): Promise<void> {
  const batches = some.flatMap(([name, { digests }]) =>
    bothLinkSets(upstream, name).flatMap((scope) =>
      batchesOf([...digests], scope.batch).map((batch) => ({ scope, digests: batch })),
    ),
  );
  const gone = some.flatMap(([name, { isGone }]) => (isGone ? name : []));
  if (gone.length === 0 && batches.length <= MAX_LOOKS && isFew(batches)) {
    return concurrently(batches, ({ scope, digests }) =>
      observeClear(ctx, 'clear', () => scope.clearEach(ctx, digests)),
    );
  }
  await clearPresent(ctx, upstream, batches, gone);
}

/** In each of the two link sets. */
function isFew(batches: readonly Batch[]): boolean {
  const digests = batches.reduce((sum, batch) => sum + batch.digests.length, 0);
  return digests <= 2 * MAX_BATCHES_CLEARED * (batches[0]?.scope.batch ?? 0);
}

async function clearPresent(
  ctx: RequestContext,
  { descriptors }: Upstream,
  batches: readonly Batch[],
  gone: readonly RepositoryName[],
): Promise<void> {
  const left = { looks: MAX_LOOKS, clears: MAX_CLEARS };
  await observeClear(ctx, 'clear', async () => {
    await inTurn(batches.slice(0, MAX_LOOKS), async ({ scope, digests }) => {
      if (left.clears === 0) throw moreToClear();
      left.looks -= 1;
      if ((await scope.clearPresent(ctx, digests)).size > 0) left.clears -= 1;
    });
    if (batches.length > MAX_LOOKS) warnOfRest(ctx, { batches: batches.length - MAX_LOOKS });
    await inTurn(gone, async (name) => {
      const outcome = await purgeDescriptors(ctx, descriptors, name, left);
      if (outcome === 'more to clear') throw moreToClear();
      if (outcome === 'too much') warnOfRest(ctx, { repository: name });
    });
  });
}

function moreToClear(): RegistryError {
  return new RegistryError('UNAVAILABLE', { message: 'there is more to forget than one request may: send it again' });
}

function warnOfRest(ctx: RequestContext, rest: Readonly<Record<string, number | string>>): void {
  ctx.log.warn('an envelope tells of more than one request can forget: the rest ends with its windows', rest);
}

function concurrently<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  return inTurn(batchesOf(items, AT_ONCE), (batch) => allDone(batch.map(work)));
}
