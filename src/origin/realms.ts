import { isLoopbackHost, isMetadataHost, isPrivateHost } from '../http/hosts.ts';

/** Which token servers may be asked on behalf of an origin. */
export interface RealmPolicy {
  readonly origin: URL;
  /** `TOKEN_REALMS_ALLOWED`: hosts in lower case, with a port where they have one. */
  readonly allowed: readonly string[];
}

/** The token servers of registries that have them on another host. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  'docker.elastic.co': 'docker-auth.elastic.co',
  'index.docker.io': 'auth.docker.io',
  'lscr.io': 'ghcr.io',
  'registry-1.docker.io': 'auth.docker.io',
  'registry.digitalocean.com': 'api.digitalocean.com',
  'registry.gitlab.com': 'gitlab.com',
};

/**
 * Returns the URL of the token server that a challenge names, if it may be asked: it is on the origin's own host,
 * belongs to a well-known registry, or the operator allows it. Only https is allowed, but for this machine; a private
 * address only if the origin has one, and never the metadata service of a cloud.
 */
export function allowedRealm(realm: string, { origin, allowed }: RealmPolicy): URL | undefined {
  if (!URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.username || url.password || url.hash) return undefined;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname))) return undefined;
  if (isPrivateHost(url.hostname) && !isPrivateHost(origin.hostname)) return undefined;
  if (isMetadataHost(url.hostname)) return undefined;
  const isKnown = url.host === origin.host || url.host === WELL_KNOWN[origin.host] || isListed(url, allowed);
  return isKnown ? url : undefined;
}

/** Whether a list has the host of a URL, which itself leaves the default port out. */
function isListed({ host, port, protocol }: URL, hosts: readonly string[]): boolean {
  return hosts.includes(host) || (!port && hosts.includes(`${host}:${protocol === 'https:' ? 443 : 80}`));
}

/** Returns the host of a realm as `TOKEN_REALMS_ALLOWED` would name it, for the log. */
export function hostOfRealm(realm: string): string {
  return URL.canParse(realm) ? new URL(realm).host : 'none, since the realm is no URL';
}
