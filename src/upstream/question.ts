import type { AnswerKind } from '../access/authorizer.ts';
import type { CacheItem } from '../cache/item.ts';
import { notedTagItem, tagItem } from '../cache/tagItem.ts';
import type { FlightQuestion } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import { accepts, isCommonVariant } from '../oci/mediaTypes.ts';
import type { Reference } from '../oci/reference.ts';
import type { Target } from '../oci/route.ts';
import type { ContentStat } from '../origin/origin.ts';
import type { Repository } from './repository.ts';
import { COMPLETE_VARIANT, pinnedVariant, variantIn } from './variant.ts';

/** What a client asks about content. */
export interface ContentRequest {
  readonly target: Target;
  /** A digest, or a tag, which may point to any manifest; never `foreign`. */
  readonly reference: Reference;
  /** The `Accept` on which the answer depends; `undefined` if it does not. */
  readonly accept?: string | null;
}

/** A caller's question for content: a HEAD or a GET of a blob or a manifest. */
export interface Question<E extends Entry> extends ContentRequest {
  readonly kind: ContentKind<E>;
}

/** What differs between the kinds of content, and between HEAD and GET. `E` is what an answer needs. */
export interface ContentKind<E extends Entry> {
  readonly answers: Exclude<AnswerKind, 'GET lists'>;
  readonly links: LinkSet;
  /**
   * Whether callers that only pull are answered past the window while the origin fails. The existence of a blob is not:
   * a push that relies on a lost blob leaves a broken image.
   */
  readonly answersWhileFailing: boolean;
  /** Whether what else is needed for that is there; by default it is. It is asked only once the origin has failed. */
  standsIn?(repository: Repository, reference: Reference): Promise<boolean>;
  /** Returns the entry of a digest in this isolate's memory, fresh or not. */
  peek(repository: Repository, digest: Digest): E | undefined;
  /** Returns where the cache may have the content of a digest. */
  item(repository: Repository, digest: Digest): CacheItem<E>;
  /** Whether an answer to this method gave the media type of the entry. */
  isWitnessed(repository: Repository, entry: Entry): boolean;
  /**
   * Asks the origin.
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  ask(repository: Repository, question: Question<E>, options: AskOptions<E>): Promise<Asked<E>>;
}

/** The origin's answer; or what the store has, which answers this caller in place of it. */
export type Asked<E extends Entry> = ContentStat<E> | { readonly stored: E };

export interface AskOptions<E extends Entry> {
  /** The stored entry, if there is one that may not answer this caller as it is. */
  readonly known?: E | undefined;
  /** Ends the question early. */
  readonly cancelled?: AbortSignal | undefined;
  /** Settles when the answer is in the store, or will not be. */
  readonly landed?: Promise<void>;
}

/** How long a confirmed entry may answer the caller, in ms. */
export interface Windows {
  readonly windowMs: number;
  /** How much longer it answers at once, while the origin is asked after the reply. */
  readonly revalidateMs: number;
  /** How much longer than `windowMs` it answers while the origin fails. */
  readonly staleMs: number;
}

const NEVER: Windows = { windowMs: 0, revalidateMs: 0, staleMs: 0 };
/** As long as the store keeps it. */
const ALWAYS: Windows = { ...NEVER, windowMs: Number.POSITIVE_INFINITY };

export function windowsOf<E extends Entry>(repository: Repository, question: Question<E>): Windows {
  const { upstream, name, mayPush, windowMs } = repository;
  const staleMs = mayPush || !question.kind.answersWhileFailing ? 0 : upstream.ttls.staleMs;
  // Only existence of blobs is checked once more when the manifest that needs them comes.
  const revalidateMs = mayPush && question.kind.answers === 'HEAD blobs' ? upstream.ttls.pushStaleMs : 0;
  if (question.reference.kind === 'digest') return { windowMs, revalidateMs, staleMs };
  if (hasUncommonAccept(question)) return NEVER;
  const { policies, ttls } = upstream;
  const { text: tag } = question.reference;
  if (policies.isPinned(name, tag)) return ALWAYS;
  // Other tags move, so the cache answers none to a caller that may push.
  return mayPush ? NEVER : { windowMs: policies.tagMs(name, tag) ?? ttls.tagMs, revalidateMs: 0, staleMs };
}

/** Whether the caller's `Accept`, which is sent to the origin, is none of those that real clients send. */
export function hasUncommonAccept({ accept }: ContentRequest): boolean {
  return accept !== undefined && !isCommonVariant(accept);
}

/** Whether the caller accepts the media type of the stored entry. */
export function isAccepted({ accept }: ContentRequest, { descriptor }: Entry): boolean {
  return accept === undefined || accepts(accept, descriptor.mediaType);
}

/** Returns where the cache may have the answer. */
export function itemOf<E extends Entry>(repository: Repository, question: Question<E>): CacheItem<E> {
  const { kind, reference } = question;
  if (reference.kind === 'digest') return kind.item(repository, reference.text);
  const { policies, keepsDeleted } = repository.upstream;
  // What one client has pulled is kept for clients of every kind.
  const isOfAll = keepsDeleted || policies.isPinned(repository.name, reference.text);
  return itemOfVariant(repository, question, isOfAll ? pinnedVariant(question) : variantIn(question));
}

/**
 * Returns where the cache has what a tag that never moves leads callers to who accept all types: no other client is led
 * elsewhere, unless it does not accept that.
 */
export function completeItemOf<E extends Entry>(repository: Repository, question: Question<E>): CacheItem<E> {
  return itemOfVariant(repository, question, COMPLETE_VARIANT);
}

function itemOfVariant<E extends Entry>(repository: Repository, question: Question<E>, variant: string): CacheItem<E> {
  const { kind, reference } = question;
  const key = { name: repository.name, tag: reference.text, variant };
  return tagItem(key, repository.upstream.tags, (digest) => kind.item(repository, digest));
}

/**
 * Returns where to store an entry for a caller whom the cache may not answer. A tag that is not cached for this caller
 * is noted, and its manifest is stored. Where a tag that never moves leads is kept also where that is only reported: a
 * move can be told only by what was before.
 */
export function storedItemOf<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  { descriptor }: E,
): CacheItem<E> {
  const { kind, reference } = question;
  if (reference.kind === 'digest') return itemOf(repository, question);
  const { windowMs, staleMs } = windowsOf(repository, question);
  const isImmutable = repository.upstream.policies.isImmutable(repository.name, reference.text);
  const isKept = windowMs + staleMs > 0 || (isImmutable && !hasUncommonAccept(question));
  if (isKept) return itemOf(repository, question);
  const tag = { name: repository.name, tag: reference.text };
  return notedTagItem(tag, repository.upstream.tags, kind.item(repository, descriptor.digest));
}

/**
 * Returns the items whose tombstones may hide the entry with which another request was answered: that of the digest
 * itself, that of the canonical digest which the origin named, and that of the tag. A tag's own item does not show that
 * its manifest was deleted by its digest, unless it pointed to it.
 * @param hasLooked whether this caller has already looked up `itemOf` itself, which is then left out
 */
export function unseenItems<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  { shared, hasLooked }: { readonly shared: Entry; readonly hasLooked: boolean },
): Pick<CacheItem, 'stat'>[] {
  const { kind, reference } = question;
  const digests = new Set([shared.descriptor.digest]);
  if (reference.kind === 'digest') {
    if (hasLooked) digests.delete(reference.text);
    else digests.add(reference.text);
  }
  const items = [...digests].map((digest) => repository.item(kind.links, digest));
  return reference.kind === 'digest' || hasLooked ? items : [...items, itemOf(repository, question)];
}

/**
 * Returns the question's identity for the flights: equal questions share an answer. `undefined` if nobody may join it.
 */
export function flightQuestion<E extends Entry>(
  { ctx, upstream, name, mayPush }: Repository,
  question: Question<E>,
): FlightQuestion | undefined {
  const { ttls, askedAs, allowsWrites } = upstream;
  const { kind, reference } = question;
  // The origin of an open mirror cannot tell callers apart.
  const caller = askedAs === 'nobody' ? '' : ctx.caller;
  if (caller === undefined || (ttls.pushExistenceMs === 0 && allowsWrites)) return undefined;
  // A caller that may push joins no flight to a tag: after a push, perhaps through another isolate, older answers are
  // wrong.
  if (reference.kind !== 'digest' && mayPush) return undefined;
  return { name, about: `${kind.answers} ${reference.text} ${variantIn(question)}`, caller };
}
