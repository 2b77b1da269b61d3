import { timingSafeEqual } from 'hono/utils/buffer';
import type { RequestContext } from '../context.ts';
import type { User, UserSecret, UserSettings } from '../http/userSettings.ts';
import type { Memory } from '../isolate/memory.ts';
import { createSharedWork } from '../isolate/sharedWork.ts';
import { fingerprint, hexOf } from '../oci/hash.ts';
import { createFailedLogins } from './failedLogins.ts';

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
/** A longer one is nobody's. */
const BASIC = /^basic +([A-Za-z0-9+/=]{1,2000})$/i;

export function createUsers(settings: readonly UserSettings[], memory: Memory): Users {
  const byName = new Map(settings.map((user) => [user.name, user]));
  const known = settings.flatMap(({ secret }) => secret ?? []);
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

  /** Unknown names cost what one of the users costs, always the same one for a name. */
  async function verify(name: string, password: string): Promise<UserSettings | undefined> {
    const user = byName.get(name);
    const secret = user?.secret ?? known[fingerprint(name) % known.length];
    return secret && (await isSecret(secret, password)) && user?.secret ? user : undefined;
  }

  async function userOf(ctx: RequestContext): Promise<User | undefined> {
    const authorization = ctx.request.headers.get('authorization');
    if (authorization === null) return byName.get('anonymous');
    const [name, password] = parseBasic(authorization) ?? [];
    if (name === undefined || password === undefined) return undefined;
    const key = await keyOf(authorization);
    const found = logins.get(key, ctx.now());
    if (found) return byName.get(found.name);
    const address = ctx.request.headers.get('cf-connecting-ip') ?? '';
    // A client that logs in with many requests at the same time tries one secret, and not many.
    const { user } = await sharedWork(ctx, `${key} ${address}`, async () => {
      const succeed = failedLogins.begin(address, name, ctx.now());
      const isRefused = succeed === undefined;
      const user = isRefused ? undefined : await verify(name, password);
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

async function isSecret(secret: UserSecret, password: string): Promise<boolean> {
  if (secret.kind === 'bcrypt') {
    // Only an edge with such a user parses the library.
    const { compare } = await import('bcrypt-ts/browser');
    return compare(password, secret.line);
  }
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(password));
  return timingSafeEqual(hexOf(hash), secret.hash);
}

/** Reads HTTP Basic (RFC 7617, UTF-8). @returns `undefined` if it is none */
function parseBasic(authorization: string): [name: string, password: string] | undefined {
  const [, base64 = ''] = BASIC.exec(authorization) ?? [];
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const colonAt = text.indexOf(':');
    return colonAt > 0 ? [text.slice(0, colonAt), text.slice(colonAt + 1)] : undefined;
  } catch {
    return undefined;
  }
}
