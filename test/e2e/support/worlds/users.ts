import type { Allowance } from './allowance.ts';
import { NO_CONDITIONS } from './mirror.ts';
import { ALLOWED } from './run.ts';
import type { Step } from './step.ts';

/** Whether a step can be compared: the edge itself says to a user that this is a registry. */
export function isComparable({ route }: Step): boolean {
  return route !== 'base';
}

/** distribution begins another upload then. */
function isPostOfSession({ method, target }: Step): boolean {
  return method === 'POST' && typeof target !== 'string';
}

/** What an edge makes different besides, for users of its own. */
export const ALLOWED_OF_USERS: readonly Allowance[] = [
  ...ALLOWED,
  NO_CONDITIONS,
  {
    what: 'an isolate that has asked the origin for no blob yet does not know whether it has ranges',
    said: 'law 5',
    allows: ({ field, alone, edge }, exchange) =>
      field === 'accept-ranges' && alone === 'bytes' && edge === undefined && exchange.edge.isHit,
  },
  {
    what: 'what the specification does not know is a 404 or a 405 in the words of the edge',
    said: 'configuration.md, Users',
    allows: (_, { step, alone, edge }) =>
      (alone.status >= 300 || isPostOfSession(step)) && [404, 405].includes(edge.status),
  },
  {
    what: "a browser's preflight has no credential, so it is asked without the edge's account",
    said: 'request-handling.md, What passes through',
    allows: (_, { step, edge }) => step.method === 'OPTIONS' && [200, 401, 403, 404, 405].includes(edge.status),
  },
  {
    what: 'a number of entries that is none is refused in the words of the edge, and neither any other one nor a HEAD',
    said: 'configuration.md, Users: the catalog is filtered',
    allows: (_, { step, alone, edge }) =>
      String(step.target).startsWith('/v2/_catalog') &&
      [400, 405].includes(alone.status) &&
      [200, 400].includes(edge.status),
  },
];
