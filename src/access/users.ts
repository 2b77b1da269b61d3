import type { RequestContext } from '../context.ts';
import type { User, UserSettings } from '../http/userSettings.ts';
import type { Memory } from '../isolate/memory.ts';
import { createSharedWork } from '../isolate/sharedWork.ts';
import { hexOf } from '../oci/hash.ts';
import { parseBasic } from './basicLogin.ts';
import { createFailedLogins } from './failedLogins.ts';
import { createSecrets } from './secrets.ts';

/** The users of the edge's own: `CLIENT_AUTH=basic`. */
export interface Users {
  /**
   * Returns who sent a request: by HTTP Basic, or without a login the user `anonymous`.
   * @returns `undefined`: nobody whom the edge knows
   */
  identify(ctx: RequestContext): Promise<User | undefined>;
  /** Returns who sent a request, once it was identified. */
  known(ctx: RequestContext): User | undefined;
}

/** A login is not verified again for this time. */
const LOGIN_MS = 60_000;
const LOGIN_BYTES = 200;

export function createUsers(settings: readonly UserSettings[], memory: Memory): Users {
  const secrets = createSecrets(settings);
  const logins = memory.part<{ readonly name: string }>('login');
  const failedLogins = createFailedLogins();
  const sharedWork = createSharedWork<{ readonly user: UserSettings | undefined }>();
  const identified = new WeakMap<RequestContext, User>();
  let keyed: Promise<CryptoKey> | undefined;

  /** Returns what stands for a credential in memory, of which nobody learns the credential. */
  async function keyOf(authorization: string): Promise<string> {
    // A Worker has no randomness before its first request.
    keyed ??= crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']) as Promise<CryptoKey>;
    return hexOf(await crypto.subtle.sign('HMAC', await keyed, new TextEncoder().encode(authorization)));
  }

  async function userOf(ctx: RequestContext): Promise<User | undefined> {
    const authorization = ctx.request.headers.get('authorization');
    if (authorization === null) return secrets.named('anonymous');
    const [name, password] = parseBasic(authorization) ?? [];
    if (name === undefined || password === undefined) return undefined;
    const key = await keyOf(authorization);
    const found = logins.get(key, ctx.now());
    if (found) return secrets.named(found.name);
    const address = ctx.request.headers.get('cf-connecting-ip') ?? '';
    // A client that logs in with many requests at the same time tries one secret, and not many.
    const { user } = await sharedWork(ctx, `${key} ${address}`, async () => {
      const succeed = failedLogins.begin(address, name, ctx.now());
      const isRefused = succeed === undefined;
      const user = isRefused ? undefined : await secrets.verify(name, password);
      if (!user) return { user };
      logins.set(key, { name }, ctx.now() + LOGIN_MS, LOGIN_BYTES);
      succeed?.();
      return { user };
    });
    return user;
  }

  return {
    async identify(ctx) {
      const user = await userOf(ctx);
      if (user) identified.set(ctx, user);
      return user;
    },
    known: (ctx) => identified.get(ctx),
  };
}
