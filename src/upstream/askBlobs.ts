import { createLanes, delay } from '../async.ts';
import type { Lookup } from '../cache/lookup.ts';
import { retryDelayMs } from '../isolate/retryAfter.ts';
import type { Digest } from '../oci/digest.ts';
import type { NeededBlob } from '../oci/neededBlobs.ts';
import { askBlob, type BlobAnswer } from './askBlob.ts';
import type { Repository } from './repository.ts';

/** A Worker may have six connections at a time; one is left for the store. */
const REQUESTS_AT_ONCE = 5;
/** The wait after a 429 that names no time. */
const DEFAULT_DELAY_MS = 1_000;
/** A 429 that names a longer time is not waited out. */
const MAX_DELAY_MS = 5_000;
/**
 * At most this many questions belong to one round, and none is asked after a round with which as many blobs are gone:
 * the manifest is refused anyway, and may name any number of digests.
 */
const MAX_ROUND = 100;

/** What the origin says of the blobs that were asked for. */
export interface BlobAnswers {
  readonly answers: ReadonlyMap<Digest, BlobAnswer>;
  /** Why the rest could not be asked for: the origin's failure, or the error that it cannot be reached. */
  readonly failure?: { readonly response: Response } | { readonly error: unknown } | undefined;
}

/**
 * Asks the origin for blobs, in rounds, each of them at once as far as connections allow. An origin that limits its
 * requests is asked for the rest in rounds of as many as it answered, as long as each round gets further. All together
 * takes at most `ORIGIN_TIMEOUT`, and ends at the first failure, so that an origin that is down is not waited for once
 * a blob.
 * @returns the answers to all questions, unless there is a failure or `MAX_ROUND` blobs are gone
 */
export async function askBlobs(
  repository: Repository,
  blobs: readonly NeededBlob[],
  lookups: ReadonlyMap<Digest, Lookup> | undefined,
): Promise<BlobAnswers> {
  const { ctx, upstream } = repository;
  const deadline = ctx.now() + upstream.origin.timeoutMs;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), upstream.origin.timeoutMs);
  const inTurn = createLanes(REQUESTS_AT_ONCE);
  const answers = new Map<Digest, BlobAnswer>();
  let failure: BlobAnswers['failure'];

  function fail(why: BlobAnswers['failure']): void {
    failure ??= why;
    limit.abort();
  }

  /** @returns the 429 with which the origin refused to be asked, if it did */
  async function ask(blob: NeededBlob): Promise<Response | undefined> {
    try {
      const lookup = lookups?.get(blob.digest);
      const answer = await askBlob(repository, { blob, lookup, signal: limit.signal, inTurn });
      if (answer.kind !== 'failed') answers.set(blob.digest, answer);
      else if (answer.response.status === 429) return answer.response;
      else fail({ response: answer.response });
    } catch (error) {
      fail({ error });
    }
    return undefined;
  }

  try {
    let open = blobs;
    for (let size = MAX_ROUND, delayMs = 0; open.length > 0 && !failure && goneIn(answers) < MAX_ROUND; ) {
      const round = open.slice(0, size);
      const limits = await Promise.all(round.map(ask));
      const refusal = limits.find((response) => response !== undefined);
      open = [...round.filter((_, at) => limits[at]), ...open.slice(size)];
      if (refusal) {
        const passed = round.length - limits.filter(Boolean).length;
        const isStuck = passed === 0 && delayMs > 0;
        size = Math.max(1, passed);
        delayMs = retryDelayMs(refusal, ctx.now()) || DEFAULT_DELAY_MS;
        if (isStuck || delayMs > MAX_DELAY_MS || ctx.now() + delayMs > deadline) failure = { response: refusal };
      }
      // Once the origin has limited its requests, the next rounds keep to the pace that it allows.
      if (delayMs > 0 && open.length > 0 && !failure) await delay(delayMs);
    }
  } finally {
    clearTimeout(timer);
  }
  return { answers, failure };
}

function goneIn(answers: ReadonlyMap<Digest, BlobAnswer>): number {
  return [...answers.values()].filter(({ kind }) => kind === 'gone').length;
}
