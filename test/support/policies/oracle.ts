import type { CallerRow } from './callers.ts';
import type { Place } from './content.ts';
import { methodOf, type RouteRow } from './routes.ts';
import type { PolicyRow } from './rows.ts';

/** One cell of the table. */
export interface Asked {
  readonly policy: PolicyRow;
  readonly caller: CallerRow;
  readonly route: RouteRow;
  readonly place: Place;
  /** Whether this caller has read everything that it may a moment ago, and so have others with the same store. */
  readonly isWarm: boolean;
}

/** What a request comes to. */
export interface Answered {
  readonly status: number;
  /** The policy in the error's `detail`; a HEAD has no body. */
  readonly detail: string | undefined;
  /** The policies that the log line names. */
  readonly denied: string | undefined;
  readonly reported: string | undefined;
  /** The methods of the requests to the origin. */
  readonly origin: readonly string[];
}

const NOTHING = { detail: undefined, denied: undefined, reported: undefined, origin: [] } as const;

/**
 * Says what each cell answers where policies are enforced. It is written from docs/configuration.md ("Policies", "Users",
 * "The edge's own account") and from the laws, in other words than those of the edge.
 */
export function expected(asked: Asked): Answered {
  const refused = refusedByRights(asked) ?? refusedByPolicy(asked);
  if (refused) return refused;
  const { caller, route, place, policy, isWarm } = asked;
  const method = methodOf(route);
  if (caller.judge === 'nobody' && route.needs !== 'pull' && !['GET', 'HEAD'].includes(method)) {
    return { ...NOTHING, status: 405 };
  }
  if (caller.onlyPulls && route.does === 'read' && policy.isCooling?.(place, route.tag ?? '')) {
    return { ...denial(method, 'COOLDOWN'), origin: isWarm ? [] : questions(asked, ['HEAD']) };
  }
  const isImmutable = route.tag !== undefined && policy.immutable?.(place, route.tag) === true;
  if (isImmutable && route.does === 'remove') return denial(method, 'IMMUTABLE_TAGS');
  if (isImmutable && route.does === 'move') {
    return { ...denial(method, 'IMMUTABLE_TAGS'), origin: questions(asked, ['HEAD']) };
  }
  const leftOut = leftOutBy(asked);
  const isUploaded = route.source !== undefined && leftOut !== undefined;
  return {
    ...NOTHING,
    status: isUploaded ? 202 : route.status,
    denied: leftOut,
    origin: questions(asked, isUploaded ? ['POST'] : passing(asked, isImmutable)),
  };
}

/** A mount from where nothing is served becomes an upload, and the catalog of a user has no such repository. */
function leftOutBy({ route, policy }: Asked): string | undefined {
  if (route.source) return policy.closes?.[route.source];
  return route.needs === 'catalog' ? policy.closesAll : undefined;
}

function denial(method: string, policy: string): Answered {
  return { ...NOTHING, status: 403, detail: method === 'HEAD' ? undefined : policy, denied: policy };
}

/** Who the caller is decides before any policy does. */
function refusedByRights({ caller: { judge, rights = [], isLent }, route }: Asked): Answered | undefined {
  if (judge === 'nobody') {
    const isLentRoute = !['catalog', 'extension'].includes(route.needs) && !/uploads|mount/.test(route.name);
    return isLent && !(isLentRoute && !route.name.startsWith('POST')) ? { ...NOTHING, status: 404 } : undefined;
  }
  if (judge === 'origin') return undefined;
  if (rights.length === 0) return { ...NOTHING, status: 401 };
  if (route.needs === 'extension') return { ...NOTHING, status: 404 };
  if (route.needs === 'login' || rights.includes(route.needs)) return undefined;
  return denial(methodOf(route), 'USERS');
}

/** What is not served is refused before anything is asked, and so is what tells of all repositories. */
function refusedByPolicy({ policy, caller, route, place }: Asked): Answered | undefined {
  if (route.about === 'none') return undefined;
  // The catalog of a user is filtered.
  const closes = route.about === 'repository' ? policy.closes?.[place] : caller.rights ? undefined : policy.closesAll;
  return closes && denial(methodOf(route), closes);
}

/** Returns the requests that the origin gets for one that passes. */
function passing(asked: Asked, isImmutable: boolean): string[] {
  const { route, isWarm, caller } = asked;
  const method = methodOf(route);
  if (route.name === 'GET /v2/') {
    // Only the origin knows whether its callers may log in; what it says to everybody is kept for a minute.
    const isKept = isWarm && !('authorization' in caller.headers);
    return caller.judge === 'origin' && !isKept ? ['GET'] : [];
  }
  if (method === 'DELETE') return ['HEAD', 'DELETE'];
  if (method === 'PUT') return [...(isImmutable ? ['HEAD'] : []), 'PUT'];
  // Without a grant in the source, nobody looks for the size of what was mounted; and if it is known, nobody asks.
  if (route.source) return isWarm || !isProvenAtOnce(caller) ? ['POST'] : ['POST', 'HEAD'];
  if (isAnsweredByCache(asked, isImmutable)) return [];
  // Where the manifest is known, a HEAD shows whether the tag still leads there.
  const isConfirmed = isWarm && route.does === 'read' && (caller.onlyPulls || caller.judge !== 'origin');
  return [isConfirmed ? 'HEAD' : method];
}

/** Whether the edge itself knows what the caller may pull: it does of users, and of tokens that it verifies. */
function isProvenAtOnce({ judge, headers }: CallerRow): boolean {
  return judge !== 'origin' || headers.authorization?.startsWith('Bearer ') === true;
}

/** Bytes of blobs and lists are the origin's. Tags are answered only to those who only pull, or if they never move. */
function isAnsweredByCache({ route, isWarm, caller, policy }: Asked, isImmutable: boolean): boolean {
  if (!isWarm || route.needs !== 'pull') return false;
  if (route.does === 'read') return isImmutable || (caller.onlyPulls && policy.isKept?.(route.tag ?? '') !== false);
  return route.name === 'HEAD blob' || route.name.endsWith(' manifest');
}

/** An isolate asks once without the edge's account, to learn what the origin demands. */
function questions({ caller, isWarm }: Asked, methods: readonly string[]): readonly string[] {
  const [first] = methods;
  return caller.isLent && !isWarm && first !== undefined ? [first === 'PUT' ? 'HEAD' : first, ...methods] : methods;
}
