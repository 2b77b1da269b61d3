import { within } from '../async.ts';
import { isFresh } from '../cache/freshness.ts';
import type { CacheItem } from '../cache/item.ts';
import { lookUp } from '../cache/lookup.ts';
import type { ContentEntry } from '../oci/descriptor.ts';
import type { ContentStat } from '../origin/origin.ts';
import type { Pull, PulledManifest, PullLease } from '../pulls/counter.ts';
import type { Pulls } from '../pulls/pulls.ts';
import { type Asked, type AskOptions, itemOf, type Question, windowsOf } from './question.ts';
import type { Repository } from './repository.ts';
import { confirmedBy, isUsable, pulledItem } from './storedManifest.ts';

/** What others have pulled is worth a longer wait for the store than `CACHE_TIMEOUT`: the origin would count it. */
const PULLED_MS = 2_000;

interface PullOptions extends AskOptions<ContentEntry> {
  /** The origin's answer to a HEAD that was just sent for this question. */
  readonly head?: ContentStat;
}

/** What a pull came to. `hint`: a stored manifest to which the tag may lead; the origin has to confirm that. */
export type PullOutcome = Asked<ContentEntry> | { readonly hint: ContentEntry };

/**
 * Pulls a manifest: asks the origin by a GET, which it may count. Where it does, isolates that want the same pull it
 * once: one of them asks, and the others read what it has stored. Near the end of the budget, the last good answer
 * stands in for it. None of this concerns callers that may push: their pulls are counted, and nothing else.
 * @returns a `hint` only without a `head`
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function pullManifest(
  repository: Repository,
  question: Question<ContentEntry>,
  options: PullOptions,
): Promise<PullOutcome> {
  const { ctx, upstream, mayPush, isGranted } = repository;
  const { pulls } = upstream;
  const onlyPulls = isGranted && !mayPush;
  if (!pulls?.isCounted || !onlyPulls) {
    const answer = await fetchManifest(repository, question, options);
    pulls?.observe(ctx, answer.response, 1);
    return answer;
  }
  const pull = pullOf(repository, question, options);
  let taken = await pulls.take(ctx, pull);
  if (taken?.kind === 'told') {
    const found = await findPulled(repository, question, options, taken);
    if (found) return found;
    taken = await pulls.take(ctx, { ...pull, insists: true });
  }
  if (taken?.kind === 'spared' && options.known) {
    ctx.emit({ kind: 'forward', reason: 'stale', detail: 'budget' });
    return { stored: options.known };
  }
  if (taken?.kind !== 'granted') return fetchManifest(repository, question, options);
  return fetchWith(repository, question, { ...options, pulls, lease: taken.lease });
}

function fetchManifest(
  { ctx, upstream }: Repository,
  { target, reference }: Question<ContentEntry>,
  { cancelled }: PullOptions,
): Promise<ContentStat<ContentEntry>> {
  return upstream.origin.getManifest(ctx, target.path + target.search, reference, cancelled);
}

/** Pulls with a lease, which is settled after the reply. */
function fetchWith(
  repository: Repository,
  question: Question<ContentEntry>,
  options: PullOptions & { readonly pulls: Pulls; readonly lease: PullLease },
): Promise<ContentStat<ContentEntry>> {
  const { ctx } = repository;
  const { pulls, lease, landed } = options;
  const asking = fetchManifest(repository, question, options);
  const pulled = asking.then(async ({ response, found }) => {
    await landed;
    if (!found?.isFirstHand) return { response, manifest: undefined };
    const { digest, mediaType } = found.entry.descriptor;
    return { response, manifest: { digest, mediaType } };
  });
  ctx.waitUntil(pulls.settle(ctx, lease, pulled));
  return asking;
}

function pullOf(repository: Repository, question: Question<ContentEntry>, { head, known }: PullOptions): Pull {
  const { reference } = question;
  // Once the origin has told where a tag leads, others may be pulling that by its digest.
  const named = head?.found?.entry.descriptor.digest;
  return {
    name: repository.name,
    reference: named ?? reference.text,
    isTag: named === undefined && reference.kind !== 'digest',
    isSparable: known !== undefined && isLastGood(repository, question, known),
    insists: head !== undefined && named === undefined,
  };
}

/** Whether an entry of the store may stand in for the origin's answer. */
function isLastGood(repository: Repository, question: Question<ContentEntry>, known: ContentEntry): boolean {
  const { windowMs, staleMs } = windowsOf(repository, question);
  return staleMs > 0 && isFresh(known, repository.ctx.now(), windowMs + staleMs) && isUsable(question, known);
}

/** Looks for what others have pulled. @returns `undefined` if it is not there, or does not answer this question */
async function findPulled(
  repository: Repository,
  question: Question<ContentEntry>,
  { head }: PullOptions,
  pulled: PulledManifest,
): Promise<PullOutcome | undefined> {
  const { ctx } = repository;
  const item = pulledItem(repository, pulled.digest);
  if (!head) {
    const entry = await find(
      repository,
      question.reference.kind === 'digest' ? item : itemOf(repository, question),
      pulled,
    );
    if (entry && isFresh(entry, ctx.now(), windowsOf(repository, question).windowMs) && isUsable(question, entry)) {
      ctx.emit({ kind: 'collapsed' });
      return { stored: entry };
    }
  }
  const stored = await find(repository, item, pulled);
  if (!stored || !isUsable(question, stored)) return undefined;
  return head ? confirmedBy(head, stored) : { hint: stored };
}

/** Reads what was pulled. A HEAD of another isolate may have been stored after it: both have told the media type then. */
async function find(
  { ctx }: Repository,
  item: CacheItem<ContentEntry>,
  { digest, mediaType }: PulledManifest,
): Promise<ContentEntry | undefined> {
  const found = await within(lookUp(ctx, item), PULLED_MS);
  if (found?.outcome !== 'hit') return undefined;
  const { descriptor, verifiedAt, content } = found.entry;
  const isByBoth = descriptor.digest === digest && descriptor.mediaType === mediaType;
  return isByBoth ? { descriptor, verifiedAt, content } : found.entry;
}
