import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import { LINK_SETS } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { BlobDescriptorCacheProvider } from './provider.ts';
import type { Tags } from './tags.ts';

/** The stores that hold what belongs to a repository. */
export interface RepositoryStores {
  readonly descriptors: BlobDescriptorCacheProvider;
  readonly tags: Tags;
}

const STEPS = [...LINK_SETS, 'tags'] as const;
type Step = (typeof STEPS)[number];

/** The result of one purge request. */
export interface PurgeResult {
  /** How many entries were removed in each step. */
  readonly removed: Readonly<Record<Step, number>>;
  /** Where to continue; absent if nothing is left. */
  readonly cursor?: string;
}

/**
 * How many pages one purge request clears. A page costs three requests to Redis, and a Worker on the free plan has 50.
 * On KV it costs three requests and one write for each of 50 digests, of which the Worker may make 1,000.
 */
const MAX_PAGES = 8;

/** A position in a purge: the step, and the store's own cursor within it. */
interface Position {
  readonly step: Step;
  readonly cursor?: string | undefined;
}

/**
 * Forgets a repository's descriptors and tags, page by page. Content stays, since nobody gets it without a descriptor.
 * @param cursor the cursor that the previous request returned
 * @throws RegistryError REQUEST_INVALID the cursor is invalid
 * @throws CacheFault the store failed
 */
export async function purge(
  ctx: RequestContext,
  stores: RepositoryStores,
  name: RepositoryName,
  cursor?: string,
): Promise<PurgeResult> {
  if (stores.descriptors.isAtomic && cursor === undefined) return purgeAtOnce(ctx, stores, name);
  const removed = { blobs: 0, manifests: 0, tags: 0 };
  let position: Position | undefined = parsePosition(cursor ?? STEPS[0]);
  for (let pages = 0; position && pages < MAX_PAGES; pages++) {
    const { step }: Position = position;
    const page = await purgePage(ctx, stores, name, position);
    removed[step] += page.removed;
    position = page.cursor === undefined ? startOfNext(step) : { step, cursor: page.cursor };
  }
  return position ? { removed, cursor: [position.step, position.cursor ?? []].flat().join(':') } : { removed };
}

/**
 * Takes all steps at the same time, which is one request to the store. Afterwards nothing counts any more. If there is
 * too much to remove at once, the cursor leads to the first step that has something left.
 */
async function purgeAtOnce(ctx: RequestContext, stores: RepositoryStores, name: RepositoryName): Promise<PurgeResult> {
  const pages = await Promise.all(STEPS.map((step) => purgePage(ctx, stores, name, { step })));
  const counts = STEPS.map((step, at) => [step, pages[at]?.removed ?? 0] as const);
  const unfinished = STEPS.find((_step, at) => pages[at]?.cursor !== undefined);
  return {
    removed: Object.fromEntries(counts) as Record<Step, number>,
    ...(unfinished && { cursor: unfinished }),
  };
}

async function purgePage(
  ctx: RequestContext,
  stores: RepositoryStores,
  name: RepositoryName,
  { step, cursor }: Position,
) {
  if (step === 'tags') return stores.tags.purge(ctx, [name], cursor);
  const page = await stores.descriptors.repositoryScoped(name, step).purge(ctx, cursor);
  return { removed: page.removed.size, cursor: page.cursor };
}

function startOfNext(step: Step): Position | undefined {
  const next = STEPS[STEPS.indexOf(step) + 1];
  return next && { step: next };
}

function parsePosition(text: string): Position {
  const [, word, cursor] = /^([a-z]+)(?::([ -~]{1,2000}))?$/.exec(text) ?? [];
  const step = STEPS.find((name) => name === word);
  if (!step) {
    throw new RegistryError('REQUEST_INVALID', {
      message: 'invalid cursor: use the one that the previous response returned',
    });
  }
  return { step, cursor };
}

/** The requests to the store that one request to the edge may still make: pages to read, and pages to clear. */
export interface PurgeAllowance {
  looks: number;
  clears: number;
}

/**
 * Forgets a repository that is gone, as far as the allowance permits, and subtracts what it uses. A store that is not
 * atomic keeps the tags: they answer nobody afterwards, since their manifests are gone. If called again, it only has to
 * read the pages that it has cleared.
 * @param left the allowance, which is changed
 * @returns `done`; `more to clear`: call again to continue; `too much`: calling again would not help, since the
 *   repository has more pages than the allowance permits to read
 * @throws CacheFault
 */
export async function purgeGone(
  ctx: RequestContext,
  stores: RepositoryStores,
  name: RepositoryName,
  left: PurgeAllowance,
): Promise<'done' | 'more to clear' | 'too much'> {
  const { isAtomic, repositoryScoped } = stores.descriptors;
  if (isAtomic) {
    if (left.clears === 0) return 'more to clear';
    left.clears -= 1;
    await purgeAtOnce(ctx, stores, name);
    return 'done';
  }
  for (const links of LINK_SETS) {
    const scope = repositoryScoped(name, links);
    let cursor: string | undefined;
    do {
      if (left.clears === 0) return 'more to clear';
      if (left.looks === 0) return 'too much';
      left.looks -= 1;
      const page = await scope.purge(ctx, cursor);
      if (page.removed.size > 0) left.clears -= 1;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
  return 'done';
}

/** Forgets the tags of repositories, up to `MAX_PAGES` pages of the store. @throws CacheFault */
export async function purgeTags(ctx: RequestContext, tags: Tags, names: readonly RepositoryName[]): Promise<void> {
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES && names.length > 0; pages++) {
    const page = await tags.purge(ctx, names, cursor);
    if (page.cursor === undefined) return;
    cursor = page.cursor;
  }
}
