import type { UpstreamConfig } from './upstream.ts';

/** The segment below `/v2/` with which `TOKEN_PATH` begins. */
const TOKEN_PREFIX = 'auth';

/**
 * Finds upstreams that nothing chooses, two that the same request would choose, one that would get another's requests
 * for tokens, and those by which one password would reach several registries.
 * @param report receives what is bad
 */
export function checkChoices(upstreams: readonly UpstreamConfig[], report: (problem: string) => void): void {
  const chosen = new Map<string, string>();
  const hasRealm = upstreams.some(({ tokenRealm, clientAuth }) => tokenRealm === 'edge' && clientAuth === 'origin');
  for (const { alias, chosenBy, clientAuth } of upstreams.filter((upstream) => upstream.alias !== '')) {
    const { hosts, prefix, ns } = chosenBy;
    const withinHost = [...(prefix === undefined ? [] : [['PREFIX', prefix]]), ...ns.map((host) => ['NS', host])];
    if (hosts.length + withinHost.length === 0) {
      report(`UPSTREAMS.${alias}: expected HOSTS, PREFIX or NS, since nothing else chooses it`);
    }
    if (hasRealm && prefix === TOKEN_PREFIX) {
      report(`UPSTREAMS.${alias}.PREFIX: ${prefix} is in the path of tokens (TOKEN_REALM=edge): choose another one`);
    }
    if (withinHost.length > 0 && clientAuth !== 'anonymous') {
      const names = [...new Set(withinHost.map(([name]) => name))].join(' and ');
      const reason = 'with it clients would send one password to several registries';
      report(`UPSTREAMS.${alias}.${names}: ${reason}: choose it by HOSTS alone, or set CLIENT_AUTH=anonymous`);
    }
    for (const host of hosts.length > 0 ? hosts : ['']) {
      for (const [name, value] of withinHost.length > 0 ? withinHost : [['HOSTS', host]]) {
        const key = `${host} ${name} ${value}`;
        const other = chosen.get(key);
        if (other !== undefined && other !== alias) report(`UPSTREAMS.${alias}.${name}: ${value} chooses ${other}`);
        chosen.set(key, other ?? alias);
      }
    }
  }
}
