import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import { LINK_SETS } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { BlobDescriptorCacheProvider } from '../stores/descriptors.ts';
import type { Tags } from '../stores/tags.ts';

/** What of one repository is kept in the stores. */
export interface Kept {
  readonly descriptors: BlobDescriptorCacheProvider;
  readonly tags: Tags;
}

const STEPS = [...LINK_SETS, 'tags'] as const;
type Step = (typeof STEPS)[number];

export interface Purged {
  /** How many there were of each. */
  readonly removed: Readonly<Record<Step, number>>;
  /** Where to go on; absent when nothing is left. */
  readonly cursor?: string;
}

/**
 * So many pages in one go. Each is three requests to Redis, of which a Worker of the free plan has 50; or three to KV and a
 * write for each of 50 digests, of which it has 1,000.
 */
const MAX_PAGES = 8;

/** Where a purge is: a step, and within it the store's own cursor. */
interface Place {
  readonly step: Step;
  readonly cursor?: string | undefined;
}

/**
 * Forgets what is kept of a repository: descriptors and tags, page by page. Content by its digest stays: nobody gets it
 * without a descriptor.
 * @param cursor where the purge before this one stopped
 * @throws RegistryError REQUEST_INVALID: no cursor of a purge; CacheFault
 */
export async function purge(ctx: RequestContext, kept: Kept, name: RepositoryName, cursor?: string): Promise<Purged> {
  const removed = { blobs: 0, manifests: 0, tags: 0 };
  let place: Place | undefined = parsePlace(cursor ?? STEPS[0]);
  for (let pages = 0; place && pages < MAX_PAGES; pages++) {
    const { step }: Place = place;
    const page = await purgePage(ctx, kept, name, place);
    removed[step] += page.removed;
    place = page.cursor === undefined ? after(step) : { step, cursor: page.cursor };
  }
  return place ? { removed, cursor: [place.step, place.cursor ?? []].flat().join(':') } : { removed };
}

async function purgePage(ctx: RequestContext, kept: Kept, name: RepositoryName, { step, cursor }: Place) {
  if (step === 'tags') return kept.tags.purge(ctx, [name], cursor);
  const page = await kept.descriptors.repositoryScoped(name, step).purge(ctx, cursor);
  return { removed: page.removed.size, cursor: page.cursor };
}

function after(step: Step): Place | undefined {
  const next = STEPS[STEPS.indexOf(step) + 1];
  return next && { step: next };
}

function parsePlace(text: string): Place {
  const [, word, cursor] = /^([a-z]+)(?::([ -~]{1,2000}))?$/.exec(text) ?? [];
  const step = STEPS.find((one) => one === word);
  if (!step) throw new RegistryError('REQUEST_INVALID', { message: 'the cursor is not one that a purge has told' });
  return { step, cursor };
}

/** What is left to one request: looks into the store, and clears of what was found there. */
export interface Allowance {
  looks: number;
  clears: number;
}

/**
 * Forgets all descriptors of a repository, as far as the allowance goes, of which it takes what it needs. Tags lead nowhere
 * after that. Done once more it takes only looks for what it has cleared.
 * @returns whether that was all; `too much`: there was more to look through, and would be again
 * @throws CacheFault
 */
export async function purgeDescriptors(
  ctx: RequestContext,
  { repositoryScoped }: BlobDescriptorCacheProvider,
  name: RepositoryName,
  left: Allowance,
): Promise<'done' | 'more to clear' | 'too much'> {
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

/** Forgets where the tags of repositories lead to, as far as that is known and `MAX_PAGES` go. @throws CacheFault */
export async function purgeTags(ctx: RequestContext, tags: Tags, names: readonly RepositoryName[]): Promise<void> {
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES && names.length > 0; pages++) {
    const page = await tags.purge(ctx, names, cursor);
    if (page.cursor === undefined) return;
    cursor = page.cursor;
  }
}
