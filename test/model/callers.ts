import { accessTo, type Issuer } from '../support/tokens.ts';
import { Timeline } from './timeline.ts';

/** What a caller may do in a repository: `stat` is HEAD alone. */
export type Right = 'stat' | 'pull' | 'push' | 'delete';

/**
 * Who calls. `writer` may do everything until somebody revokes it, `reader` only pull, `looker` only HEAD, `pusher` only
 * push, `stranger` nothing. The edge verifies the tokens of `verified`, who may push, and of `puller`, who never does.
 * `fresh` has a new credential for every request.
 */
export const CALLERS = ['writer', 'reader', 'looker', 'pusher', 'stranger', 'verified', 'puller', 'fresh'] as const;
export type Caller = (typeof CALLERS)[number];

const RIGHTS: Readonly<Record<Caller, readonly Right[]>> = {
  writer: ['stat', 'pull', 'push', 'delete'],
  reader: ['stat', 'pull'],
  looker: ['stat'],
  pusher: ['push'],
  stranger: [],
  verified: ['stat', 'pull', 'push', 'delete'],
  puller: ['stat', 'pull'],
  fresh: ['stat', 'pull', 'push'],
};
const FAR_FUTURE_SECONDS = 10_000_000_000;
export const PULL_ONLY_SUBJECT = 'puller';

export interface CallersOptions {
  readonly names: readonly string[];
  /** The repository into which readers, lookers and fresh callers may not look. */
  readonly closed: string;
  readonly now: () => number;
}

/** All callers, and what they may do. */
export class Callers {
  readonly #tokens: ReadonlyMap<string, string>;
  readonly #closed: string;
  /** Whether the writer still has its rights. */
  readonly #trusted: Timeline<boolean>;
  #fresh = 0;

  private constructor(tokens: ReadonlyMap<string, string>, closed: string, now: () => number) {
    this.#tokens = tokens;
    this.#closed = closed;
    this.#trusted = new Timeline(now, true);
  }

  static async create(issuer: Issuer, { names, closed, now }: CallersOptions): Promise<Callers> {
    const tokenFor = (caller: Caller, actions: string[]) =>
      issuer.issue({
        access: names.flatMap((name) => accessTo(name, actions).access),
        sub: caller === 'puller' ? PULL_ONLY_SUBJECT : caller,
        exp: FAR_FUTURE_SECONDS,
      });
    const tokens = new Map([
      ['verified', await tokenFor('verified', ['pull', 'push', 'delete'])],
      ['puller', await tokenFor('puller', ['pull'])],
    ]);
    return new Callers(tokens, closed, now);
  }

  /** Returns the `Authorization` of a caller's next request. */
  authorizationOf(caller: Caller): string {
    const token = this.#tokens.get(caller);
    if (token) return `Bearer ${token}`;
    return `Basic ${caller}${caller === 'fresh' ? `-${++this.#fresh}` : ''}`;
  }

  /** Returns who sent this `Authorization`. */
  callerOf(authorization: string | null): Caller | undefined {
    const [, text = ''] = (authorization ?? '').split(' ');
    return CALLERS.find((caller) => this.#tokens.get(caller) === text || text.replace(/-\d+$/, '') === caller);
  }

  /** Takes the writer's rights, or gives them back. */
  trustWriter(isTrusted: boolean): void {
    this.#trusted.set(isTrusted);
  }

  /** Whether the registry lets a caller do this now. */
  may(caller: Caller | undefined, right: Right, name: string): boolean {
    return caller !== undefined && this.#isGiven(caller, right, name) && (caller !== 'writer' || this.#trusted.value);
  }

  /** Begins to watch a right. @returns whether the caller has had it for all of the time since */
  watch(caller: Caller, right: Right, name: string): () => boolean {
    const mark = this.#trusted.mark();
    const isGiven = this.#isGiven(caller, right, name);
    return () => isGiven && (caller !== 'writer' || this.#trusted.since(mark).every(Boolean));
  }

  /** Whether the edges know that the caller never pushes. */
  isPullOnly(caller: Caller): boolean {
    return caller === 'puller';
  }

  /** Whether the registry has let a caller do this at some time since then (epoch ms). */
  mightSince(caller: Caller, right: Right, name: string, ms: number): boolean {
    return this.#isGiven(caller, right, name) && (caller !== 'writer' || this.#trusted.sinceTime(ms).includes(true));
  }

  #isGiven(caller: Caller, right: Right, name: string): boolean {
    const isClosed = name === this.#closed && (caller === 'reader' || caller === 'looker' || caller === 'fresh');
    return !isClosed && RIGHTS[caller].includes(right);
  }
}
