import type { RequestContext } from '../context.ts';
import type { IdentitySettings } from '../http/identitySettings.ts';
import type { User, UserSettings } from '../http/userSettings.ts';
import type { Memory } from '../isolate/memory.ts';
import { createSharedWork } from '../isolate/sharedWork.ts';
import { hexOf } from '../oci/hash.ts';
import { parseBasic } from './basicLogin.ts';
import { createFailedLogins } from './failedLogins.ts';
import { createIdentityTokens, type Identity } from './identityTokens.ts';
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

/** Who may log in. */
export interface UserLists {
  readonly users: readonly UserSettings[] | undefined;
  readonly identities: IdentitySettings | undefined;
}

/** A login that was verified: that of a user in `USERS`, or by an identity token. */
type Login = { readonly name: string } | Identity;

/** A login is not verified again for this time. */
const LOGIN_MS = 60_000;
/** What a login weighs in addition to a name and to places in a list. */
const LOGIN_BYTES = 200;
const CHARACTER_BYTES = 2;
const PLACE_BYTES = 8;

export function createUsers({ users = [], identities }: UserLists, memory: Memory): Users {
  const secrets = createSecrets(users);
  const tokens = identities && createIdentityTokens(identities);
  const logins = memory.part<Login>('login');
  const failedLogins = createFailedLogins();
  const sharedWork = createSharedWork<{ readonly login: Login | undefined }>();
  const identified = new WeakMap<RequestContext, User>();
  let keyed: Promise<CryptoKey> | undefined;

  /** Returns what stands for a credential in memory, of which nobody learns the credential. */
  async function keyOf(authorization: string): Promise<string> {
    // A Worker has no randomness before its first request.
    keyed ??= crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']) as Promise<CryptoKey>;
    return hexOf(await crypto.subtle.sign('HMAC', await keyed, new TextEncoder().encode(authorization)));
  }

  /** The name that comes with an identity token does not matter, and no such token is compared with a secret. */
  async function verify(ctx: RequestContext, name: string, password: string): Promise<Login | undefined> {
    if (tokens?.claimedBy(password)) return tokens.verify(ctx, password);
    const user = await secrets.verify(name, password);
    return user && { name: user.name };
  }

  async function loginOf(ctx: RequestContext, authorization: string): Promise<Login | undefined> {
    const [name, password] = parseBasic(authorization) ?? [];
    if (name === undefined || password === undefined) return undefined;
    const key = await keyOf(authorization);
    const found = logins.get(key, ctx.now());
    if (found) return found;
    const address = ctx.request.headers.get('cf-connecting-ip') ?? '';
    // A client that logs in with many requests at the same time tries one secret, and not many.
    const { login } = await sharedWork(ctx, `${key} ${address}`, async () => {
      // Jobs have no names, or all the same: one that fails must not keep others from logging in.
      const succeed = failedLogins.begin(address, tokens?.claimedBy(password) ?? name, ctx.now());
      const isRefused = succeed === undefined;
      const login = isRefused ? undefined : await verify(ctx, name, password);
      if (!login) return { login };
      logins.set(key, login, rememberedUntil(login, ctx.now()), bytesOf(login));
      succeed?.();
      return { login };
    });
    return login;
  }

  async function userOf(ctx: RequestContext): Promise<User | undefined> {
    const authorization = ctx.request.headers.get('authorization');
    if (authorization === null) return secrets.named('anonymous');
    const login = await loginOf(ctx, authorization);
    return login && ('matched' in login ? tokens?.userOf(login) : secrets.named(login.name));
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

/** No login is remembered for longer than its token is valid. */
function rememberedUntil(login: Login, nowMs: number): number {
  return Math.min(nowMs + LOGIN_MS, 'matched' in login ? login.expiresAtMs : Number.POSITIVE_INFINITY);
}

function bytesOf(login: Login): number {
  const places = 'matched' in login ? login.matched.length : 0;
  return LOGIN_BYTES + CHARACTER_BYTES * login.name.length + PLACE_BYTES * places;
}
