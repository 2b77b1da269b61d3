import type { CacheItem } from '../cache/item.ts';
import type { RequestContext } from '../context.ts';
import type { FlightQuestion } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { ContentStat } from '../origin/origin.ts';
import type { Upstream } from './upstream.ts';

/** A caller's question for content: a HEAD or a GET of a blob or a manifest. */
export interface ContentQuestion<E extends Entry> {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  /** Absent for a tag, which may point to any manifest. */
  readonly digest?: Digest;
  /** Everything that distinguishes the question, besides repository and caller; `undefined` if nobody may join it. */
  key(): string | undefined;
  /** Whether the caller's `Accept`, which is sent to the origin, is none of those that real clients send. */
  readonly hasUncommonAccept?: boolean;
  /** How long a confirmed entry may answer this caller, in ms. */
  readonly windowMs: number;
  /** How much longer it may do so while the origin fails, in ms. */
  readonly staleMs: number;
  /** Returns the entry in this isolate's memory, fresh or not. */
  peek?(): E | undefined;
  /** Returns where the cache may have the answer. */
  item(): CacheItem<E>;
  /** Returns where to store an entry for a caller whom the cache may not answer; without it, `item()`. */
  itemOf?(entry: E): CacheItem<E>;
  /**
   * Returns the items whose tombstones may hide the entry with which another request was answered.
   * @param hasLooked whether this caller has already looked up `item` itself, which is then left out
   */
  unseen(shared: E, hasLooked: boolean): readonly Pick<CacheItem, 'stat'>[];
  /** Whether the caller accepts the stored entry's media type; without it, every entry is accepted. */
  accepts?(entry: Entry): boolean;
  /** Whether an answer to this method gave the stored media type; without it, always. */
  isWitnessed?(entry: Entry): boolean;
  /**
   * Asks the origin.
   * @param known the stored entry, if there is one that may not answer this caller as it is
   * @param cancelled ends the question early
   * @throws RegistryError ORIGIN_UNREACHABLE
   */
  ask(known?: E, cancelled?: AbortSignal): Promise<ContentStat<E>>;
}

/** A caller's rights. Nobody knows whether a caller without a grant may push, so it is assumed that it may. */
export interface Caller {
  readonly isGranted: boolean;
  readonly mayPush: boolean;
}

export type QuestionFor<E extends Entry> = (caller: Caller) => ContentQuestion<E>;

/**
 * Returns the question's identity for the flights: equal questions share an answer. `undefined` if nobody may join it.
 */
export function flightQuestion<E extends Entry>(
  ctx: RequestContext,
  { ttls, askedAs, allowsWrites }: Upstream,
  { name, key }: ContentQuestion<E>,
): FlightQuestion | undefined {
  // The origin of an open mirror cannot tell callers apart.
  const caller = askedAs === 'nobody' ? '' : ctx.caller;
  if (caller === undefined || (ttls.pushExistenceMs === 0 && allowsWrites)) return undefined;
  const about = key();
  return about === undefined ? undefined : { name, about, caller };
}
