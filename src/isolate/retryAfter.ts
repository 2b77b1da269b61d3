import type { RequestContext } from '../context.ts';
import type { Memory } from './memory.ts';

/** Which callers the origin wants to be left alone by, where a stale answer will do: its 429 with `Retry-After`. */
export interface RetryAfter {
  /** @returns until when (epoch ms); 0: there is none */
  until(ctx: RequestContext): number;
  /** @param response the origin's answer to this caller */
  note(ctx: RequestContext, response: Response): void;
}

/** However long an origin asks for, it is asked again after this. */
const MAX_PAUSE_MS = 300_000;
const PAUSE_BYTES = 100;

/** @param callerOf whom the origin takes a caller for: its credential; `undefined` for one who can be told from nobody */
export function createRetryAfter(memory: Memory, callerOf: (ctx: RequestContext) => string | undefined): RetryAfter {
  const pauses = memory.part<{ readonly until: number }>('pause');
  return {
    until(ctx) {
      const caller = callerOf(ctx);
      return (caller !== undefined && pauses.get(caller, ctx.now())?.until) || 0;
    },
    note(ctx, response) {
      const caller = callerOf(ctx);
      const ms = askedForMs(response, ctx.now());
      if (caller === undefined || ms <= 0) return;
      const until = ctx.now() + Math.min(ms, MAX_PAUSE_MS);
      pauses.set(caller, { until }, until, PAUSE_BYTES);
    },
  };
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function askedForMs({ status, headers }: Response, nowMs: number): number {
  const text = status === 429 ? headers.get('retry-after')?.trim() : undefined;
  if (!text) return 0;
  return /^[0-9]+$/.test(text) ? Number(text) * 1_000 : (Date.parse(text) || 0) - nowMs;
}
