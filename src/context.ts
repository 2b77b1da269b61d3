import type { EdgeEvent } from './events.ts';
import { errorName, type Logger } from './log.ts';

/**
 * One request on its way, the first argument of everything that waits: who asks, until when, what o'clock it is, what
 * was decided so far.
 */
export interface RequestContext {
  readonly request: Request;
  /** Epoch ms at which the request came in. */
  readonly startedAt: number;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  /** The only clock, in epoch ms. */
  now(): number;
  /** Lets work go on after the reply; what it throws is logged, not lost. */
  waitUntil(work: Promise<unknown>): void;
  readonly log: Logger;
  readonly events: readonly EdgeEvent[];
  emit(event: EdgeEvent): void;
}

/** What a runtime gives to make a context of. */
export interface ContextOptions {
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly log: Logger;
  readonly now: () => number;
}

export function createContext(request: Request, { waitUntil, log, now }: ContextOptions): RequestContext {
  const events: EdgeEvent[] = [];
  return {
    request,
    startedAt: now(),
    signal: request.signal,
    now,
    waitUntil: (work) => waitUntil(work.catch((error) => log.error('background work', { error: errorName(error) }))),
    log,
    events,
    emit(event) {
      events.push(event);
      log.debug('event', event);
    },
  };
}
