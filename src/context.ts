import { callerOf } from './access/caller.ts';
import { splitUrl, type Target } from './oci/route.ts';
import type { EdgeEvent } from './telemetry/events.ts';
import { errorName, type Logger } from './telemetry/log.ts';

/**
 * One request on its way, the first argument of everything that waits: who asks, until when, what o'clock it is, what
 * was decided so far.
 */
export interface RequestContext {
  readonly request: Request;
  /** `request.method` and `request.url`, which the runtime would make anew at every look. */
  readonly method: string;
  readonly url: string;
  /** What of the URL is asked for: path and query, in their normal form. */
  readonly target: Target;
  /** Who calls, as `callerOf` tells it. */
  readonly caller: string | undefined;
  /** Epoch ms at which the request came in. */
  readonly startedAt: number;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  /** The only clock, in epoch ms. */
  now(): number;
  /** Lets work go on after the reply; what it throws is logged, not lost. */
  waitUntil(work: Promise<unknown>): void;
  /** The request is not over before this has ended, one way or another; unlike `waitUntil`, it keeps nothing going. */
  lasts(work: Promise<unknown>): void;
  /** Does this when the request is over: it is answered, and nothing goes on after the reply. */
  whenOver(then: () => void): void;
  /** Its answer is made: the application says so. */
  answered(): void;
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

export function createContext(request: Request, options: ContextOptions): RequestContext {
  return new Context(request, options);
}

/** A class, so that a request that is answered from memory does not pay for what it never asks for. */
class Context implements RequestContext {
  readonly request: Request;
  readonly method: string;
  readonly url: string;
  readonly target: Target;
  readonly startedAt: number;
  readonly events: EdgeEvent[] = [];
  readonly #options: ContextOptions;
  #isAnswered = false;
  #pending = 0;
  #endings: (() => void)[] | undefined;
  #caller: { readonly name: string | undefined } | undefined;

  constructor(request: Request, options: ContextOptions) {
    this.request = request;
    this.method = request.method;
    this.url = request.url;
    this.target = splitUrl(this.url);
    this.#options = options;
    this.startedAt = options.now();
  }

  get log(): Logger {
    return this.#options.log;
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  get caller(): string | undefined {
    this.#caller ??= { name: callerOf(this.request) };
    return this.#caller.name;
  }

  now(): number {
    return this.#options.now();
  }

  waitUntil(work: Promise<unknown>): void {
    const logged = work.catch((error) => this.log.error('background work', { error: errorName(error) }));
    this.lasts(logged);
    this.#options.waitUntil(logged);
  }

  lasts(work: Promise<unknown>): void {
    this.#pending += 1;
    const over = () => {
      this.#pending -= 1;
      this.#end();
    };
    work.then(over, over);
  }

  whenOver(then: () => void): void {
    this.#endings ??= [];
    this.#endings.push(then);
    this.#end();
  }

  answered(): void {
    this.#isAnswered = true;
    this.#end();
  }

  #end(): void {
    if (!this.#endings || !this.#isAnswered || this.#pending > 0) return;
    const endings = this.#endings;
    this.#endings = undefined;
    for (const end of endings) end();
  }

  emit(event: EdgeEvent): void {
    this.events.push(event);
    this.log.debug('event', event);
  }
}
