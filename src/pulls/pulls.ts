import type { RequestContext } from '../context.ts';
import { rateLimitIn } from '../http/rateLimit.ts';
import { retryDelayMs } from '../isolate/retryAfter.ts';
import { errorName } from '../telemetry/log.ts';
import { MAX_LIMITED_MS, type PullBudget, type Told } from './budget.ts';
import type { Pull, PullCounter, PulledManifest, PullLease, Taken } from './counter.ts';

/** The pulls that an origin counts, as one isolate sees them. */
export interface Pulls {
  /** Whether the origin counts pulls: that is declared, or one of its answers has told it. */
  readonly isCounted: boolean;
  /** Whether all isolates count together. */
  readonly isShared: boolean;
  /** Until when the origin wants no requests, as far as this isolate has been told (epoch ms); 0: it has not. */
  readonly limitedUntil: number;
  /**
   * Takes a pull, and reports it as an event. Waits, for a bounded time, while others pull the same.
   * @returns `undefined` if whoever counts has failed: then the origin is asked all the same
   */
  take(ctx: RequestContext, pull: Pull): Promise<Taken | undefined>;
  /** Settles a lease after the reply, once what was pulled is stored. It never rejects. */
  settle(ctx: RequestContext, lease: PullLease, pulled: Promise<Pulled>): Promise<void>;
  /**
   * Learns from an answer to a question for which no pull was taken.
   * @param counted how many pulls that question was: 0 or 1
   */
  observe(ctx: RequestContext, response: Response, counted: 0 | 1): void;
  /** @throws Error whoever counts has failed */
  read(ctx: RequestContext): Promise<PullBudget>;
}

/** What became of a pull: the origin's answer, and what is stored now, if anything is. */
export interface Pulled {
  readonly response: Response;
  readonly manifest: PulledManifest | undefined;
}

/** After so many failures in a row, whoever counts is left alone for a while, so that callers do not wait in vain. */
const MAX_FAILURES = 3;
const REST_MS = 30_000;

/** @param isExpected whether it is known from the beginning that the origin counts pulls */
export function createPulls(counter: PullCounter, isExpected: boolean): Pulls {
  let isCounted = isExpected;
  let limitedUntil = 0;
  let failures = 0;
  let restsUntil = 0;

  /** Runs a request to whoever counts. @returns `undefined` if it fails, or rests after a failure */
  async function attempt<T>(ctx: RequestContext, request: () => Promise<T>): Promise<T | undefined> {
    if (ctx.now() < restsUntil) return undefined;
    try {
      const result = await request();
      failures = 0;
      return result;
    } catch (error) {
      failures += 1;
      if (failures % MAX_FAILURES === 0) restsUntil = ctx.now() + REST_MS;
      ctx.log.warn('pulls could not be counted: the origin is asked without', { error: errorName(error) });
      return undefined;
    }
  }

  function toldIn(ctx: RequestContext, response: Response): Told {
    const { status, headers } = response;
    const rateLimit = rateLimitIn(headers);
    isCounted ||= rateLimit !== undefined;
    return { status, rateLimit, limitedMs: Math.min(retryDelayMs(response, ctx.now()), MAX_LIMITED_MS) };
  }

  return {
    get isCounted() {
      return isCounted;
    },
    isShared: counter.isShared,
    get limitedUntil() {
      return limitedUntil;
    },
    async take(ctx, pull) {
      const taken = await attempt(ctx, () => counter.take(ctx, pull));
      if (taken && taken.kind !== 'told') limitedUntil = Math.max(limitedUntil, taken.limitedUntil);
      const left = taken && 'left' in taken ? taken.left : undefined;
      ctx.emit({ kind: 'budget', outcome: taken?.kind ?? 'fault', ...(left !== undefined && { left }) });
      return taken;
    },
    async settle(ctx, lease, pulled) {
      try {
        const { response, manifest } = await pulled;
        const told = toldIn(ctx, response);
        await attempt(ctx, () => lease.settle(told, manifest));
      } catch {
        // The origin did not answer. Whoever waits pulls in its place.
      } finally {
        lease[Symbol.dispose]();
      }
    },
    observe(ctx, response, counted) {
      const told = toldIn(ctx, response);
      // A question that costs nothing is worth telling only if it shows a limit that others do not know of.
      const isNews = told.limitedMs > 0 && ctx.now() >= limitedUntil;
      if (!isCounted || (counted === 0 && !isNews)) return;
      if (isNews) limitedUntil = ctx.now() + told.limitedMs;
      ctx.waitUntil(attempt(ctx, () => counter.tell(ctx, told, counted)));
    },
    read: (ctx) => counter.read(ctx),
  };
}
