import { lru } from 'tiny-lru';
import type { RequestContext } from '../context.ts';
import type { TokenSettings } from '../http/tokenSettings.ts';
import type { Memory } from '../isolate/memory.ts';
import { fingerprint } from '../oci/hash.ts';
import type { RepositoryName } from '../oci/name.ts';
import { errorName } from '../telemetry/log.ts';
import type { TokenKeys } from './tokenKeys.ts';
import { verifyToken } from './verifyToken.ts';

/** What a verified token grants. */
export interface VerifiedToken {
  readonly subject: string;
  /** The repositories in which it may pull. */
  readonly pulls: ReadonlySet<string>;
}

/** Verifies bearer tokens of registries (the token authentication of `distribution`) without a question to the origin. */
export interface TokenVerifier {
  /**
   * Returns what is known of a token: what it grants if it was verified and has not expired; `unverified` if it was not
   * a moment ago; `undefined` if it has to be verified.
   */
  recall(ctx: RequestContext, token: string): VerifiedToken | 'unverified' | undefined;
  verify(ctx: RequestContext, token: string): Promise<VerifiedToken | 'unverified'>;
}

/** Longer ones are left to the origin. */
const MAX_TOKEN_CHARACTERS = 16 * 1024;
/** A token that could not be verified is not tried again for this time, within which no new keys are fetched either. */
const RETRY_MS = 30_000;
/** They have their own bound, so that a flood of forged tokens pushes no proof out of memory. */
const MAX_UNVERIFIED = 1_000;
const CHARACTER_BYTES = 2;

export function createTokenVerifier(settings: TokenSettings, keys: TokenKeys, memory: Memory): TokenVerifier {
  const verified = memory.part<VerifiedToken>('token');
  const unverified = lru<number>(MAX_UNVERIFIED);
  const policy = { keys, issuer: settings.issuer, audience: settings.service };

  return {
    recall(ctx, token) {
      if (token.length > MAX_TOKEN_CHARACTERS) return 'unverified';
      const found = verified.get(token, ctx.now());
      if (found) return found;
      const failedAt = unverified.get(String(fingerprint(token)));
      return failedAt !== undefined && ctx.now() - failedAt < RETRY_MS ? 'unverified' : undefined;
    },
    async verify(ctx, token) {
      // A fault of the library or of the keys proves nothing: the origin judges.
      const claims = await verifyToken(ctx, token, policy).catch((error: unknown) => {
        ctx.log.warn('a token could not be verified', { error: errorName(error) });
        return undefined;
      });
      if (!claims?.exp) {
        unverified.set(String(fingerprint(token)), ctx.now());
        return 'unverified';
      }
      const { sub = '' } = claims;
      const grant = { subject: sub, pulls: new Set(pullsIn(claims.access)) };
      const bytes = [sub, ...grant.pulls].reduce((sum, text) => sum + CHARACTER_BYTES * text.length, 0);
      verified.set(token, grant, claims.exp * 1_000, bytes);
      return grant;
    },
  };
}

/**
 * Returns the repositories in which the claim `access` grants a pull. Names are literal: patterns and prefixes, which
 * some registries allow, are left to the origin.
 */
function pullsIn(access: unknown): RepositoryName[] {
  const entries: readonly unknown[] = Array.isArray(access) ? access : [];
  return entries.flatMap((entry) => {
    const { type, name, actions } = (entry ?? {}) as { type?: unknown; name?: unknown; actions?: unknown };
    const grantsPull = Array.isArray(actions) && (actions.includes('pull') || actions.includes('*'));
    return type === 'repository' && typeof name === 'string' && grantsPull ? [name as RepositoryName] : [];
  });
}
