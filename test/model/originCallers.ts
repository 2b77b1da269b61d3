import { accessTo, type Issuer } from '../support/tokens.ts';
import { CALLERS, type Caller, type Callers, type CallersOptions, isClosed, type May, type Right } from './callers.ts';
import { Timeline } from './timeline.ts';

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

/** Callers whom the registry judges: `CLIENT_AUTH=origin`. The edge verifies the tokens of two of them. */
export class OriginCallers implements Callers {
  readonly #tokens: ReadonlyMap<string, string>;
  readonly #options: CallersOptions;
  /** Whether the writer still has its rights. */
  readonly #trusted: Timeline<boolean>;
  #fresh = 0;

  private constructor(tokens: ReadonlyMap<string, string>, options: CallersOptions) {
    this.#tokens = tokens;
    this.#options = options;
    this.#trusted = new Timeline(options.now, true);
  }

  static async create(issuer: Issuer, options: CallersOptions): Promise<OriginCallers> {
    const tokenFor = (caller: Caller, actions: string[]) =>
      issuer.issue({
        access: options.names.flatMap((name) => accessTo(name, actions).access),
        sub: caller === 'puller' ? PULL_ONLY_SUBJECT : caller,
        exp: FAR_FUTURE_SECONDS,
      });
    const tokens = new Map([
      ['verified', await tokenFor('verified', ['pull', 'push', 'delete'])],
      ['puller', await tokenFor('puller', ['pull'])],
    ]);
    return new OriginCallers(tokens, options);
  }

  authorizationOf(caller: Caller): string {
    const token = this.#tokens.get(caller);
    if (token) return `Bearer ${token}`;
    return `Basic ${caller}${caller === 'fresh' ? `-${++this.#fresh}` : ''}`;
  }

  judge(authorization: string | null): May {
    const [, text = ''] = (authorization ?? '').split(' ');
    const caller = CALLERS.find((one) => this.#tokens.get(one) === text || text.replace(/-\d+$/, '') === one);
    return (right, name) =>
      caller !== undefined && this.#isGiven(caller, right, name) && (caller !== 'writer' || this.#trusted.value);
  }

  trustWriter(isTrusted: boolean): void {
    this.#trusted.set(isTrusted);
  }

  watch(caller: Caller, right: Right, name: string): () => boolean {
    const mark = this.#trusted.mark();
    const isGiven = this.#isGiven(caller, right, name);
    return () => isGiven && (caller !== 'writer' || this.#trusted.since(mark).every(Boolean));
  }

  watchTold(caller: Caller, name: string): () => boolean {
    return this.watch(caller, 'stat', name);
  }

  isPullOnly(caller: Caller): boolean {
    return caller === 'puller';
  }

  mightSince(caller: Caller, right: Right, name: string, ms: number): boolean {
    return this.#isGiven(caller, right, name) && (caller !== 'writer' || this.#trusted.sinceTime(ms).includes(true));
  }

  #isGiven(caller: Caller, right: Right, name: string): boolean {
    return !isClosed(caller, name, this.#options) && RIGHTS[caller].includes(right);
  }
}
