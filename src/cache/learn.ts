import type { RequestContext } from '../context.ts';
import type { AskedAs } from '../http/identity.ts';
import type { Entry } from '../oci/descriptor.ts';
import { evictDenied } from './clear.ts';
import type { CacheItem } from './item.ts';
import { isStoreFault, type Lookup } from './lookup.ts';
import { isDenied, type OriginAnswer } from './originAnswer.ts';
import { type PriorLookup, writeBack } from './writeBack.ts';

export interface ReadThroughAnswer<E extends Entry = Entry> {
  readonly answer: OriginAnswer<E>;
  /** Settles when the write-back is over, and never rejects; absent if none was started. */
  readonly stored?: Promise<void> | undefined;
}

/** What a request knows of the cache when the origin has answered it. */
export interface Known<E extends Entry> {
  /** The lookup, which may still be in progress. */
  readonly looking: Promise<Lookup<E>>;
  /** Its result, if it was over before the origin was asked. */
  readonly found: Lookup<E> | undefined;
  /** As whom the origin was asked; by default as the caller. */
  readonly askedAs?: AskedAs | undefined;
  /** Whether a 404 evicts nothing (`KEEP_DELETED=keep`); by default it does. */
  readonly keepsDeleted?: boolean | undefined;
  /** Whether the caller accepts the entry's media type; by default it accepts all. */
  readonly accepts?: ((entry: Entry) => boolean) | undefined;
  /** Whether something that is peculiar to the request may have provoked a refusal, so that it evicts nothing. */
  readonly isProvocable?: boolean | undefined;
}

/**
 * Draws the consequences of the origin's answer, after the reply: a denial evicts the entry, and what was confirmed is
 * written back.
 */
export function learn<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  answer: OriginAnswer<E>,
  { looking, found, askedAs, keepsDeleted, accepts, isProvocable = false }: Known<E>,
): ReadThroughAnswer<E> {
  if (!isProvocable && isDenied(answer, askedAs, keepsDeleted)) {
    evictDenied(ctx, item, { known: looking, sentAtMs: answer.sentAtMs, accepts });
  }
  // A lookup that ended after the question was sent may have seen the store after a delete that the answer precedes.
  const lookedAt = found && found.outcome !== 'fault' ? found.lookedAt : undefined;
  return isStoreFault(found) ? { answer } : storeAnswer(ctx, item, answer, { looking, lookedAt });
}

/**
 * Asks the origin for a caller who must not be answered from the cache. The cache is read only after the reply, to find
 * out whether the answer is worth a write.
 * @param itemOf gives the item under which to store an entry; `undefined` if nothing stored could ever be used
 */
export async function askThrough<E extends Entry>(
  ctx: RequestContext,
  itemOf: (entry: E) => CacheItem<E> | undefined,
  ask: () => Promise<OriginAnswer<E>>,
): Promise<ReadThroughAnswer<E>> {
  const answer = await ask();
  const item = answer.kind === 'found' ? itemOf(answer.entry) : undefined;
  return item ? storeAnswer(ctx, item, answer) : { answer };
}

/**
 * Writes back what the origin confirmed, after the reply.
 * @param lookup the lookup of this request, if there was one
 */
export function storeAnswer<E extends Entry>(
  ctx: RequestContext,
  item: CacheItem<E>,
  answer: OriginAnswer<E>,
  lookup?: PriorLookup<E>,
): ReadThroughAnswer<E> {
  if (answer.kind === 'relay' || !answer.confirmed) return { answer };
  return { answer, stored: writeBack(ctx, item, answer.entry, lookup) };
}
