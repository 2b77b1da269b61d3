import { isMetadataHost, isPrivateHost } from '../http/hosts.ts';

/** Where a redirect of the origin may be followed: `REDIRECT_HOSTS`, and what kind of address the origin itself has. */
export interface RedirectPolicy {
  /** Host names, `*.example.com` for all below one; undefined: any public host. */
  readonly hosts: readonly string[] | undefined;
  readonly origin: URL;
}
export const MAX_REDIRECTS = 3;

/**
 * @param from the URL that answered
 * @returns where to go on, or `undefined` where that is not allowed: another scheme than https (http only from an http
 *   origin), a host that is not listed, a private address unless the origin has one, a cloud's metadata service, a login
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
