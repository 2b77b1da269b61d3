import { isLoopbackHost } from '../src/http/hosts.ts';

/**
 * Reads the address of a running edge: to there a docker login and the operator's token are sent.
 * @throws Error it is none, or a secret would be sent in the open
 */
export function parseEdgeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPrivate = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (!url || !isPrivate) {
    throw new Error('--edge: expected a URL with https; http only for this machine, since secrets are sent there');
  }
  if (url.username + url.password + url.search + url.hash !== '') {
    throw new Error('--edge: expected a URL without a user, a password or a query: log in with docker login');
  }
  return (url.origin + url.pathname).replace(/\/(?:v2\/?)?$/, '');
}
