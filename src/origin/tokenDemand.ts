import type { RequestContext } from '../context.ts';
import type { BearerChallenge } from '../http/challenge.ts';
import { RegistryError } from '../oci/errors.ts';
import { allowedRealm, hostOfRealm, type RealmPolicy } from './realms.ts';

/** Which token server an origin sends its callers to. */
export interface DemandedToken {
  readonly realm: URL;
  readonly service: string | undefined;
}

/** What an origin demanded last, for as long as it is taken to demand it. */
export interface TokenDemand {
  /** @returns `undefined`: it demanded no token lately */
  current(nowMs: number): DemandedToken | undefined;
  /** Remembers what the origin demands. @throws RegistryError ORIGIN_UNREACHABLE: the realm is not allowed */
  note(ctx: RequestContext, challenge: BearerChallenge): DemandedToken;
}

/** An origin that has demanded tokens is taken to demand them, for this long. */
const DEMAND_MS = 600_000;
const WARNING_INTERVAL_MS = 60_000;

export function createTokenDemand(realms: RealmPolicy): TokenDemand {
  let demanded: (DemandedToken & { readonly until: number }) | undefined;
  let warnedAt = Number.NEGATIVE_INFINITY;
  return {
    current: (nowMs) => (demanded && demanded.until > nowMs ? demanded : undefined),
    note(ctx, { realm, service }) {
      const url = allowedRealm(realm, realms);
      if (url) {
        demanded = { realm: url, service, until: ctx.now() + DEMAND_MS };
        return demanded;
      }
      if (ctx.now() - warnedAt >= WARNING_INTERVAL_MS) {
        warnedAt = ctx.now();
        const message = 'the origin names a token realm that is not allowed: if it is right, add it to';
        ctx.log.warn(`${message} TOKEN_REALMS_ALLOWED`, { host: hostOfRealm(realm) });
      }
      throw new RegistryError('ORIGIN_UNREACHABLE', { message: 'the origin demands a token from a realm not allowed' });
    },
  };
}
