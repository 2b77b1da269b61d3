import type { RequestContext } from '../context.ts';
import type { Memory } from './memory.ts';

/**
 * The callers whom the origin limits: its 429 with `Retry-After` to them. Until then the origin is not asked where a
 * stale answer will do.
 */
export interface RetryAfter {
  /** @returns until when the origin limits this caller (epoch ms); 0: it does not */
  until(ctx: RequestContext): number;
  /** Reads the limit in the origin's response to this caller, if there is one. */
  observe(ctx: RequestContext, response: Response): void;
}

/** However long an origin asks for, it is asked again after this. */
const MAX_DELAY_MS = 300_000;
const LIMIT_BYTES = 100;

/** @param callerOf the caller as the origin distinguishes it: its credential; `undefined` where that is not enough */
export function createRetryAfter(memory: Memory, callerOf: (ctx: RequestContext) => string | undefined): RetryAfter {
  const limits = memory.part<{ readonly until: number }>('limit');
  return {
    until(ctx) {
      const caller = callerOf(ctx);
      return (caller !== undefined && limits.get(caller, ctx.now())?.until) || 0;
    },
    observe(ctx, response) {
      const caller = callerOf(ctx);
      const delayMs = retryDelayMs(response, ctx.now());
      if (caller === undefined || delayMs <= 0) return;
      const until = ctx.now() + Math.min(delayMs, MAX_DELAY_MS);
      limits.set(caller, { until }, until, LIMIT_BYTES);
    },
  };
}

/**
 * Returns how long a 429 asks to wait, in ms (RFC 9110 §10.2.3: whole seconds, or a date); 0: it is none, or names no
 * time to come.
 */
export function retryDelayMs({ status, headers }: Response, nowMs: number): number {
  const text = status === 429 ? headers.get('retry-after')?.trim() : undefined;
  if (!text) return 0;
  return /^[0-9]+$/.test(text) ? Number(text) * 1_000 : Math.max(0, (Date.parse(text) || 0) - nowMs);
}
