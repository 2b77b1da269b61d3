import { callerOf } from './access/caller.ts';
import { splitUrl, type Target } from './oci/route.ts';
import type { EdgeEvent, EventSink } from './telemetry/events.ts';
import { errorName, type Logger } from './telemetry/log.ts';
import { continueTrace, type Trace } from './telemetry/trace.ts';

/**
 * One request on its way, the first argument of every function that waits: who calls, whether the client is still
 * there, what time it is, and what was decided so far.
 */
export interface RequestContext {
  readonly request: Request;
  /** `request.method`, read once: the runtime creates it anew at every access. */
  readonly method: string;
  /** Path and query of the URL, in their normal form, and with the names that repositories have at the origin. */
  readonly target: Target;
  /** The caller's identity, as `callerOf` gives it. */
  readonly caller: string | undefined;
  /** The trace that the request belongs to, if the client says so. */
  readonly trace: Trace | undefined;
  /** Epoch ms at which the request arrived. */
  readonly startedAt: number;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  /** The only clock, in epoch ms. */
  now(): number;
  /** Lets work continue after the reply. What it throws is logged. */
  waitUntil(work: Promise<unknown>): void;
  /** Delays the end of the request until this has settled. Unlike `waitUntil`, it does not keep the work alive. */
  holdOpen(work: Promise<unknown>): void;
  /**
   * Runs the callback when the request is over: it is answered, and no work is pending. If it is over, it runs at once.
   */
  onEnd(callback: () => void): void;
  /** Marks the request as answered. Only the application calls it. */
  markAnswered(): void;
  /**
   * Begins another request that this one makes of the edge itself: with its clock, its log and its life, and with no
   * client's credential.
   */
  within(request: Request): RequestContext;
  readonly log: Logger;
  readonly events: readonly EdgeEvent[];
  emit(event: EdgeEvent): void;
}

/** What the runtime provides. */
export interface ContextOptions {
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly log: Logger;
  readonly sink: EventSink;
  readonly now: () => number;
  /** What is asked for, if that is not what the URL says. */
  readonly target?: Target;
  /** The request that made this one of the edge itself, and lives until this one is over. */
  readonly outer?: RequestContext;
}

export function createContext(request: Request, options: ContextOptions): RequestContext {
  return new Context(request, options);
}

/** A class with getters, so that a request answered from memory does not pay for what it never reads. */
class Context implements RequestContext {
  readonly request: Request;
  readonly method: string;
  readonly target: Target;
  readonly startedAt: number;
  readonly events: EdgeEvent[] = [];
  readonly #options: ContextOptions;
  #isAnswered = false;
  #pending = 0;
  #callbacks: (() => void)[] | undefined;
  #trace: { readonly value: Trace | undefined } | undefined;
  #caller: { readonly name: string | undefined } | undefined;

  constructor(request: Request, options: ContextOptions) {
    this.request = request;
    this.method = request.method;
    this.target = options.target ?? splitUrl(request.url);
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

  get trace(): Trace | undefined {
    const { outer } = this.#options;
    this.#trace ??= { value: outer ? outer.trace : continueTrace(this.request.headers) };
    return this.#trace.value;
  }

  now(): number {
    return this.#options.now();
  }

  waitUntil(work: Promise<unknown>): void {
    const logged = work.catch((error) => this.log.error('background work failed', { error: errorName(error) }));
    this.holdOpen(logged);
    const { outer, waitUntil } = this.#options;
    if (outer) outer.waitUntil(logged);
    else waitUntil(logged);
  }

  holdOpen(work: Promise<unknown>): void {
    this.#pending += 1;
    const onSettled = () => {
      this.#pending -= 1;
      this.#endIfOver();
    };
    work.then(onSettled, onSettled);
  }

  onEnd(callback: () => void): void {
    this.#callbacks ??= [];
    this.#callbacks.push(callback);
    this.#endIfOver();
  }

  markAnswered(): void {
    this.#isAnswered = true;
    this.#endIfOver();
  }

  #endIfOver(): void {
    if (!this.#callbacks || !this.#isAnswered || this.#pending > 0) return;
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    for (const callback of callbacks) callback();
  }

  within(request: Request): RequestContext {
    const { target: _own, ...options } = this.#options;
    const inner = new Context(request, { ...options, outer: this });
    this.onEnd(() => inner.markAnswered());
    return inner;
  }

  emit(event: EdgeEvent): void {
    this.events.push(event);
    this.#options.sink(event, this.#options.waitUntil);
  }
}
