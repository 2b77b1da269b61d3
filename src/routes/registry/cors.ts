import type { RequestContext } from '../../context.ts';

/** What scripts on which page may do and read is the origin's policy (Fetch, "CORS protocol"): the edge has none. */

/** All that a browser asks before a request that scripts make. */
export const PREFLIGHT_HEADERS = [
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
  'access-control-request-private-network',
] as const;

/** Whether a script asks: the answer that it may read is the origin's to this page. */
export function isOfScript({ request }: RequestContext): boolean {
  return request.headers.has('origin');
}

/** What an answer of the origin lets scripts do. */
export function corsHeaders({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
}
