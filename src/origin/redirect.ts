/** Where a redirect of the origin may be followed: `REDIRECT_HOSTS`, and what kind of address the origin itself has. */
export interface RedirectPolicy {
  /** Host names, `*.example.com` for all below one; undefined: any public host. */
  readonly hosts: readonly string[] | undefined;
  readonly origin: URL;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
export const MAX_REDIRECTS = 3;

export function isRedirect(response: Response): boolean {
  return REDIRECTS.has(response.status) && response.headers.has('location');
}

/**
 * @param from the URL that answered
 * @returns where to go on, or `undefined` where that is not allowed: another scheme than https (http only from an http
 *   origin), a host that is not listed, a private address unless the origin has one, a login
 */
export function redirectTarget(response: Response, from: URL, policy: RedirectPolicy): URL | undefined {
  const location = response.headers.get('location') ?? '';
  if (!URL.canParse(location, from.href)) return undefined;
  const to = new URL(location, from);
  if (to.username || to.password) return undefined;
  if (to.protocol !== 'https:' && !(to.protocol === 'http:' && policy.origin.protocol === 'http:')) return undefined;
  if (isPrivateHost(to.hostname) && !isPrivateHost(policy.origin.hostname)) return undefined;
  return !policy.hosts || policy.hosts.some((pattern) => matches(to.hostname, pattern)) ? to : undefined;
}

function matches(hostname: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern;
}

/** RFC 6761, 1918, 3927, 4193, 6598 and the like. `new URL` has put addresses into their one form (0x7f.1 is 127.0.0.1). */
const PRIVATE_V4 =
  /^(?:0|10|127)\.|^169\.254\.|^192\.168\.|^172\.(?:1[6-9]|2[0-9]|3[01])\.|^100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|^(?:22[4-9]|2[3-5][0-9])\./;
const PRIVATE_V6 = /^\[(?:::|f[cde]|ff|64:ff9b:)/;
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|lan|home\.arpa)\.?$/;

export function isPrivateHost(hostname: string): boolean {
  if (hostname.startsWith('[')) return PRIVATE_V6.test(hostname);
  return PRIVATE_V4.test(hostname) || PRIVATE_NAME.test(hostname) || !hostname.includes('.');
}

/** This machine itself: RFC 6761 and 1122. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || hostname.startsWith('127.') || hostname === '[::1]'
  );
}
