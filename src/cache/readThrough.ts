import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { within } from '../within.ts';
import { evict } from './clear.ts';
import { isFresh, type Ttls } from './freshness.ts';
import { type Lookup, look } from './lookup.ts';
import type { BlobDescriptorService, BlobStatter } from './provider.ts';
import { writeBack } from './writeBack.ts';

/**
 * What asking the origin gave: an entry (`confirmed`: the origin itself said so just now, and it is this request's to
 * store), or its answer as it is, to be relayed.
 */
export type OriginAnswer =
  | { readonly kind: 'found'; readonly entry: Entry; readonly confirmed: boolean }
  | { readonly kind: 'relay'; readonly response: Response };

export interface ReadThroughOptions {
  /** Where to look first; for callers that may push, the store that all isolates share. */
  readonly reader: BlobStatter;
  /** Where to write back: all tiers. */
  readonly writer: BlobDescriptorService;
  readonly ttls: Ttls;
  readonly mayPush: boolean;
  /** `CACHE_TIMEOUT` in ms: after it the origin is asked as well. */
  readonly cacheTimeoutMs: number;
  /** Asks the origin. @throws RegistryError ORIGIN_UNREACHABLE */
  ask(signal?: AbortSignal): Promise<OriginAnswer>;
}

/** `stored` settles when the write-back is over, and never rejects; absent where none was begun. */
export interface ReadThroughAnswer {
  readonly answer: OriginAnswer;
  readonly stored?: Promise<void> | undefined;
}

/**
 * A cache in front of the origin (`cachedBlobStatter` of `distribution`): a fresh entry answers; on a miss or a stale
 * entry the origin does and its answer is written back; on a fault the origin does and nothing is written. A store that
 * is slow is not waited for: the origin is asked as well, and the first answer that can be used wins.
 */
export async function readThrough(
  ctx: RequestContext,
  digest: Digest,
  options: ReadThroughOptions,
): Promise<ReadThroughAnswer> {
  const windowMs = options.mayPush ? options.ttls.pushExistenceMs : options.ttls.descriptorMs;
  const freshIn = (found: Lookup | undefined) =>
    found?.outcome === 'hit' && isFresh(found.entry, ctx.now(), windowMs) ? found.entry : undefined;

  const looking = look(ctx, options.reader, digest);
  const found = await within(looking, options.cacheTimeoutMs);
  const fresh = freshIn(found);
  if (fresh) return hit(ctx, fresh);

  tellForward(ctx, found, options.mayPush);
  const asking = new AbortController();
  const asked = options.ask(asking.signal);
  if (!found) {
    const late = await firstOf(looking.then(freshIn), asked);
    if (late) {
      asking.abort();
      return hit(ctx, late);
    }
  }
  const answer = await asked;
  if (answer.kind === 'relay' && answer.response.status === 404) evict(ctx, digest, looking, options.writer);
  return found?.outcome === 'fault' ? { answer } : keep(ctx, digest, answer, () => looking, options);
}

/**
 * The same for a caller who may not be answered from the cache: the origin is asked, and the cache is looked at only
 * after the reply, to see whether a write is worth it.
 */
export async function askThrough(
  ctx: RequestContext,
  digest: Digest,
  options: ReadThroughOptions,
): Promise<ReadThroughAnswer> {
  return keep(ctx, digest, await options.ask(), () => look(ctx, options.reader, digest), options);
}

function keep(
  ctx: RequestContext,
  digest: Digest,
  answer: OriginAnswer,
  known: () => Promise<Lookup>,
  options: ReadThroughOptions,
): ReadThroughAnswer {
  if (answer.kind === 'relay' || !answer.confirmed) return { answer };
  return { answer, stored: writeBack(ctx, digest, answer.entry, known, options) };
}

/** @returns the late entry, if it is there before the origin's answer or the origin cannot be reached */
function firstOf(late: Promise<Entry | undefined>, asked: Promise<unknown>): Promise<Entry | undefined> {
  const origin = asked.then(
    () => undefined,
    () => late,
  );
  return Promise.race([late.then((entry) => entry ?? origin), origin]);
}

function hit(ctx: RequestContext, entry: Entry): ReadThroughAnswer {
  ctx.emit({ kind: 'hit' });
  return { answer: { kind: 'found', entry, confirmed: true } };
}

function tellForward(ctx: RequestContext, found: Lookup | undefined, mayPush: boolean): void {
  if (!found) ctx.emit({ kind: 'forward', reason: 'bypass', detail: 'slow' });
  else if (found.outcome === 'fault') ctx.emit({ kind: 'forward', reason: 'bypass', detail: 'fault' });
  else if (found.outcome === 'miss') ctx.emit({ kind: 'forward', reason: 'miss' });
  else if (mayPush) ctx.emit({ kind: 'forward', reason: 'stale', detail: 'push' });
  else ctx.emit({ kind: 'forward', reason: 'stale' });
}
