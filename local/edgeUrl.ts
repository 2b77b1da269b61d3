import { optionalToken } from '../src/config/upstreamForms.ts';
import { isLoopbackHost } from '../src/http/hosts.ts';

/**
 * Reads the address of a running edge: to there a docker login and the operator's token are sent.
 * @param from the option or the variable that has it
 * @throws Error it is none, or a secret would be sent in the open
 */
export function parseEdgeUrl(text: string, from = '--edge'): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPrivate = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (!url || !isPrivate) {
    throw new Error(`${from}: expected a URL with https; http only for this machine, since secrets are sent there`);
  }
  if (url.username + url.password + url.search + url.hash !== '') {
    throw new Error(`${from}: expected a URL without a user, a password or a query: log in with docker login`);
  }
  return (url.origin + url.pathname).replace(/\/(?:v2\/?)?$/, '');
}

/**
 * Reads the operator's token as the edge itself does.
 * @returns `undefined`: none is set
 * @throws Error it cannot be one: `fetch` would repeat it in its error
 */
export function parseAdminToken(text: string | undefined): string | undefined {
  const reading = optionalToken()(text);
  if ('problem' in reading) throw new Error(`ADMIN_TOKEN: ${reading.problem}`);
  return reading.value.token;
}
