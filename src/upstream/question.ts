import type { CacheItem } from '../cache/item.ts';
import type { RequestContext } from '../context.ts';
import type { Question } from '../isolate/singleFlight.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { ContentStat } from '../origin/origin.ts';
import type { Upstream } from './upstream.ts';

/** What a caller asks for: a HEAD or GET of content. */
export interface ContentQuestion<E extends Entry> {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  /** Absent for a tag, which may lead anywhere. */
  readonly digest?: Digest;
  /** All that makes the question, besides the repository and the caller; `undefined`: nobody may join. */
  key(): string | undefined;
  /** The caller's `Accept`, which the origin gets, is none of those that clients send. */
  readonly isOdd?: boolean;
  /** How long what the origin confirmed may answer this caller, in ms; and how much longer where the origin is ill. */
  readonly windowMs: number;
  readonly staleMs: number;
  /** What this isolate's memory knows, fresh or not. */
  peek?(): E | undefined;
  /** Where the cache may know it. */
  item(): CacheItem<E>;
  /** Where to keep what the origin told a caller whom the cache may not answer, if not there. */
  itemOf?(entry: E): CacheItem<E>;
  /**
   * Where else a tombstone of what another caller's question found may stand.
   * @param hasLooked whether this caller has looked at `item` itself
   */
  unseen(shared: E, hasLooked: boolean): readonly Pick<CacheItem, 'stat'>[];
  /** Whether the caller takes what is known; without it, all. */
  accepts?(entry: Entry): boolean;
  /** Whether what is known was told by an answer of this kind; without it, always. */
  isWitnessed?(entry: Entry): boolean;
  /** @param known past its window @throws RegistryError ORIGIN_UNREACHABLE */
  ask(known?: E, cancelled?: AbortSignal): Promise<ContentStat<E>>;
}

/** What is known of a caller's right to push; nobody knows it of one without a grant, so it is taken to be there. */
export interface Caller {
  readonly isGranted: boolean;
  readonly mayPush: boolean;
}

export type QuestionFor<E extends Entry> = (caller: Caller) => ContentQuestion<E>;

/** What makes two questions one; `undefined` where nobody may join. */
export function joinable<E extends Entry>(
  ctx: RequestContext,
  { ttls, readOnly }: Upstream,
  { name, key }: ContentQuestion<E>,
): Question | undefined {
  // To an open mirror's origin all callers are one.
  const caller = readOnly ? '' : ctx.caller;
  if (caller === undefined || (ttls.pushExistenceMs === 0 && !readOnly)) return undefined;
  const about = key();
  return about === undefined ? undefined : { name, about, caller };
}
