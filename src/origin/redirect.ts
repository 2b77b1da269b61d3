import { isMetadataHost, isPrivateHost } from '../http/hosts.ts';

/** Where redirects of the origin may lead: it depends on `REDIRECT_HOSTS`, and on the origin's own address. */
export interface RedirectPolicy {
  /** Host names; `*.example.com` stands for all names below it; `undefined`: any public host. */
  readonly hosts: readonly string[] | undefined;
  readonly origin: URL;
}

export const MAX_REDIRECTS = 3;

/**
 * Returns the target of a redirect.
 * @param from the URL that redirects
 * @returns `undefined` where the target is not allowed: a scheme other than https (http only for an http origin), a
 *   host that is not listed, a private address unless the origin has one, the metadata service of a cloud, a URL with
 *   user or password
 */
export function redirectTarget(response: Response, from: URL, policy: RedirectPolicy): URL | undefined {
  const location = response.headers.get('location') ?? '';
  if (!URL.canParse(location, from.href)) return undefined;
  const to = new URL(location, from);
  if (to.username || to.password) return undefined;
  if (to.protocol !== 'https:' && !(to.protocol === 'http:' && policy.origin.protocol === 'http:')) return undefined;
  if (isPrivateHost(to.hostname) && !isPrivateHost(policy.origin.hostname)) return undefined;
  if (isMetadataHost(to.hostname) && to.hostname !== policy.origin.hostname) return undefined;
  return !policy.hosts || policy.hosts.some((pattern) => matches(to.hostname, pattern)) ? to : undefined;
}

function matches(hostname: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern;
}

/** Returns the headers for a redirect's target: it gets no credential, and nothing else of the client but its range. */
export function anonymousHeaders(range: string | null = null): Headers {
  return new Headers({ accept: '*/*', 'accept-encoding': 'identity', ...(range !== null && { range }) });
}
