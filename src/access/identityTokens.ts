import type { RequestContext } from '../context.ts';
import type { IdentitySettings, IdentityUser } from '../http/identitySettings.ts';
import type { User } from '../http/userSettings.ts';
import { anyOf } from '../oci/patterns.ts';
import { errorName } from '../telemetry/log.ts';
import { type Claims, parseJwt } from './bearer.ts';
import { createIssuerKeys } from './issuerKeys.ts';
import { type TokenPolicy, verifyToken } from './verifyToken.ts';

/** Whom an identity token identifies, as plain data. */
export interface Identity {
  /** Issuer and subject. It has the colon of a URL, which no name in `USERS` has. */
  readonly name: string;
  /** Which of the users in `OIDC_USERS` it is: their places in the list. */
  readonly matched: readonly number[];
  /** Epoch ms. */
  readonly expiresAtMs: number;
}

/** The identity tokens of OpenID Connect that jobs of a CI get from their platform. */
export interface IdentityTokens {
  /** Returns whom a password claims to identify, if it is a JWT. Nothing of that is verified. */
  claimedBy(password: string): string | undefined;
  /** @returns `undefined`: it is not valid, or that of no user */
  verify(ctx: RequestContext, token: string): Promise<Identity | undefined>;
  /** Returns an identity as a user, with the rights of all users that it is. */
  userOf(identity: Identity): User;
}

/** Nobody's name or branch is longer, and what is compared with patterns takes time. */
const MAX_CLAIM_CHARACTERS = 1_024;

export function createIdentityTokens({ issuers, users }: IdentitySettings): IdentityTokens {
  const policies = new Map(issuers.map((one) => [one.issuer, { ...one, keys: createIssuerKeys(one) }]));

  /** A token that names no issuer of these is not verified: nothing is fetched for it. */
  async function claimsOf(ctx: RequestContext, token: string): Promise<Claims | undefined> {
    const { iss } = parseJwt(token)?.claims ?? {};
    const policy: TokenPolicy | undefined = typeof iss === 'string' ? policies.get(iss) : undefined;
    return policy && verifyToken(ctx, token, policy);
  }

  return {
    claimedBy(password) {
      const { claims } = parseJwt(password) ?? {};
      return claims && nameOf(claims);
    },
    async verify(ctx, token) {
      const claims = await claimsOf(ctx, token).catch((error: unknown) => {
        ctx.log.warn('an identity token could not be verified', { error: errorName(error) });
        return undefined;
      });
      const { sub, exp } = claims ?? {};
      const isWhole = typeof exp === 'number' && typeof sub === 'string' && sub !== '' && textOf(sub) !== undefined;
      if (!claims || !isWhole) return refuse(ctx, 'it is not valid here and now');
      const matched = users.flatMap((user, at) => (isUser(user, claims) ? [at] : []));
      if (matched.length === 0) return refuse(ctx, 'no user in OIDC_USERS has its claims');
      return { name: nameOf(claims), matched, expiresAtMs: exp * 1_000 };
    },
    userOf({ name, matched }) {
      const all = matched.flatMap((at) => users[at] ?? []);
      return {
        name,
        pull: anyOf(all.map(({ pull }) => pull)),
        push: anyOf(all.map(({ push }) => push)),
        delete: anyOf(all.map((user) => user.delete)),
        catalog: all.some(({ catalog }) => catalog),
      };
    },
  };
}

function nameOf({ iss, sub }: Claims): string {
  return `${iss} ${sub}`;
}

function refuse(ctx: RequestContext, reason: string): undefined {
  ctx.log.debug('an identity token was refused', { reason });
}

function isUser({ issuer, claims: expected }: IdentityUser, claims: Claims): boolean {
  return (
    claims.iss === issuer &&
    [...expected].every(([name, patterns]) => {
      const text = textOf(claims[name]);
      return text !== undefined && patterns.matches(text);
    })
  );
}

/** Returns a claim as a text. @returns `undefined`: it is absent, a list or an object, or too long */
function textOf(claim: unknown): string | undefined {
  if (!['string', 'number', 'boolean'].includes(typeof claim)) return undefined;
  const text = String(claim);
  return text.length <= MAX_CLAIM_CHARACTERS ? text : undefined;
}
