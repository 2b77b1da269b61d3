import { isLoopbackHost } from '../http/hosts.ts';
import { isRepositoryName } from '../oci/name.ts';
import { bareUrl, checked, hosts, variable } from './forms.ts';

/** The hosts at which an edge is asked for an upstream. */
export function hostsOfEdge() {
  const hasNoDefaultPort = (names: readonly string[]) => !names.some((name) => /:(?:80|443)$/.test(name));
  const expected = 'expected hosts without a default port, which clients leave out, such as hub.example.com';
  return checked(hosts('hub.example.com'), hasNoDefaultPort, expected);
}

/** `ORIGIN_URL`. @param example of one */
export function originUrl(allowsHttp: boolean, example = 'https://registry.example.com') {
  const form = `expected the base URL of the origin registry, such as ${example}`;
  const base = checked(bareUrl(form), ({ pathname }) => !/\/v2\/*$|\/\//.test(pathname), `${form}, without /v2`);
  return checked(
    base,
    (url) => allowsHttp || url.protocol === 'https:' || isLoopbackHost(url.hostname),
    'expected https: http to another machine requires ORIGIN_INSECURE=true',
  );
}

/** The beginning of repository names; unset is `undefined`. */
export function beginning(example: string) {
  return variable('', `expected the beginning of repository names, such as ${example}, or none`, (value) => {
    if (value === '') return { name: undefined };
    // A name has to fit behind it.
    return isRepositoryName(value) && isRepositoryName(`${value}/a`) ? { name: value } : undefined;
  });
}

/** A token that guards one of the edge's own paths; unset is `undefined`. */
export function optionalToken() {
  return variable('', 'expected a token of 16 to 1024 characters without white space, or none', (value) => {
    if (value === '') return { token: undefined };
    return /^[!-~]{16,1024}$/.test(value) ? { token: value } : undefined;
  });
}
