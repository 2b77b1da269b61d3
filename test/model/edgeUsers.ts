import { basic, type Login, type RightsText, usersWith } from '../support/users.ts';
import { CALLERS, type Caller, type Callers, type CallersOptions, isClosed, type May, type Right } from './callers.ts';

const RIGHTS: Readonly<Record<Caller, readonly Right[]>> = {
  writer: ['pull', 'push', 'delete'],
  reader: ['pull'],
  looker: ['pull'],
  pusher: ['push'],
  stranger: [],
  verified: ['pull', 'push', 'delete'],
  puller: ['pull'],
  fresh: [],
};
const ACCOUNT = { ORIGIN_USERNAME: 'edge', ORIGIN_PASSWORD: 'password of the edge' };
const AUTHORIZATION = basic(ACCOUNT.ORIGIN_USERNAME, ACCOUNT.ORIGIN_PASSWORD).authorization;
/** A user has to be able to pull something. */
const NOWHERE = 'nowhere/at-all';

/** Users whom the edges judge: `CLIENT_AUTH=basic`. The registry knows only the account of the edge. */
export class EdgeUsers implements Callers {
  /** The variables of an edge with these users. */
  readonly variables: Readonly<Record<string, string>>;
  readonly #logins: Readonly<Record<string, Login>>;
  readonly #options: CallersOptions;
  #fresh = 0;

  private constructor(variables: Record<string, string>, logins: Record<string, Login>, options: CallersOptions) {
    this.variables = {
      ...{ ...variables, ...ACCOUNT, ORIGIN_ACCOUNT: 'password', ALLOW_REPOSITORIES: options.names.join() },
    };
    this.#logins = logins;
    this.#options = options;
  }

  static async create(options: CallersOptions): Promise<EdgeUsers> {
    const users = CALLERS.filter((caller) => RIGHTS[caller].length > 0);
    const rightsOf = (caller: Caller): RightsText => {
      const open = options.names.filter((name) => !isClosed(caller, name, options));
      const where = (right: Right) => (RIGHTS[caller].includes(right) ? open : []);
      return { pull: [...where('pull'), NOWHERE], push: where('push'), delete: where('delete') };
    };
    const { variables, logins } = await usersWith(Object.fromEntries(users.map((user) => [user, rightsOf(user)])));
    return new EdgeUsers(variables, logins, options);
  }

  authorizationOf(caller: Caller): string {
    return (this.#logins[caller] ?? basic(caller, String(++this.#fresh))).authorization;
  }

  /** The registry has never heard of the users. */
  judge(authorization: string | null): May {
    return () => authorization === AUTHORIZATION;
  }

  trustWriter(): void {}

  watch(caller: Caller, right: Right, name: string): () => boolean {
    return () => this.#isGiven(caller, right, name);
  }

  watchTold(): () => boolean {
    return () => true;
  }

  isPullOnly(caller: Caller, name: string): boolean {
    const mayWrite = this.#isGiven(caller, 'push', name) || this.#isGiven(caller, 'delete', name);
    return this.#isGiven(caller, 'pull', name) && !mayWrite;
  }

  mightSince(caller: Caller, right: Right, name: string): boolean {
    return this.#isGiven(caller, right, name);
  }

  #isGiven(caller: Caller, right: Right, name: string): boolean {
    return !isClosed(caller, name, this.#options) && RIGHTS[caller].includes(right === 'stat' ? 'pull' : right);
  }
}
