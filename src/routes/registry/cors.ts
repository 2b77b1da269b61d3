import type { RequestContext } from '../../context.ts';

// What scripts of a page may do and read is the origin's policy (Fetch, "CORS protocol"): the edge has none of its own.

/** The headers that a browser sends in a preflight. */
export const PREFLIGHT_HEADERS = [
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
  'access-control-request-private-network',
] as const;

/** Whether a script on a page sent the request: the origin's answer, policy included, is then specific to that page. */
export function isFromScript({ request }: RequestContext): boolean {
  return request.headers.has('origin');
}

/** Returns the headers by which a response of the origin states its policy for scripts. */
export function corsHeaders({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
}
