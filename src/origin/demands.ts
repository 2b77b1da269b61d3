import { lru } from 'tiny-lru';
import type { RequestContext } from '../context.ts';
import type { BearerChallenge } from '../http/challenge.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { TokenRequest } from './fetchToken.ts';
import { allowedRealm, hostOfRealm, type RealmPolicy } from './realms.ts';

/** Which token server an origin sends its callers to. */
export interface Demanded {
  readonly realm: URL;
  readonly service: string | undefined;
}

/** Returns what is asked of the token server. */
export function requestFor(scope: string, { realm, service }: Demanded): TokenRequest {
  return { realm, service, scope };
}

/** Which tokens an origin has demanded. */
export interface Demands {
  /** Returns what a challenge demands. @throws RegistryError ORIGIN_UNREACHABLE: the realm is not allowed */
  check(ctx: RequestContext, challenge: BearerChallenge): Demanded;
  /**
   * Remembers what the origin demands.
   * @param name the repository; `undefined` where it demands it without looking at one
   * @throws RegistryError as `check`
   */
  note(ctx: RequestContext, name: RepositoryName | undefined, challenge: BearerChallenge): Demanded;
  /** Returns what the origin has demanded in a repository, or without looking at one. */
  get(ctx: RequestContext, name: RepositoryName | undefined): Demanded | undefined;
  /** Returns what the origin will probably demand in a repository, if it has demanded anything. */
  find(ctx: RequestContext, name: RepositoryName | undefined): Demanded | undefined;
}

/** An origin that has demanded tokens is taken to demand them, for this long. */
const DEMAND_MS = 600_000;
/** Of how many repositories it is remembered what they demand. Hardly any origin makes a difference between them. */
const MAX_REPOSITORIES = 1_000;
const WARNING_INTERVAL_MS = 60_000;

interface Demand extends Demanded {
  readonly until: number;
}

export function createDemands(realms: RealmPolicy): Demands {
  /** By the repository's name; by the empty one where the origin demands it without looking at a repository. */
  const ofRepositories = lru<Demand>(MAX_REPOSITORIES);
  /** In whatever repository: the best guess for those that have demanded nothing yet. */
  let last: Demand | undefined;
  let warnedAt = Number.NEGATIVE_INFINITY;

  function check(ctx: RequestContext, { realm, service }: BearerChallenge): Demanded {
    const url = allowedRealm(realm, realms);
    if (url) return { realm: url, service };
    if (ctx.now() - warnedAt >= WARNING_INTERVAL_MS) {
      warnedAt = ctx.now();
      const message = 'the origin names a token realm that is not allowed: if it is right, add it to';
      ctx.log.warn(`${message} TOKEN_REALMS_ALLOWED`, { host: hostOfRealm(realm) });
    }
    throw new RegistryError('ORIGIN_UNREACHABLE', { message: 'the origin demands a token from a realm not allowed' });
  }

  const unlessOver = (ctx: RequestContext, demand: Demand | undefined) =>
    demand && demand.until > ctx.now() ? demand : undefined;
  const get: Demands['get'] = (ctx, name) => unlessOver(ctx, ofRepositories.get(name ?? ''));

  return {
    check,
    note(ctx, name, challenge) {
      last = { ...check(ctx, challenge), until: ctx.now() + DEMAND_MS };
      ofRepositories.set(name ?? '', last);
      return last;
    },
    get,
    find: (ctx, name) => get(ctx, name) ?? unlessOver(ctx, last),
  };
}
