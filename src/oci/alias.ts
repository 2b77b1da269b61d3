/**
 * Returns what precedes every key of an upstream, in memory and in stores, so that upstreams share nothing by accident.
 * @param alias the upstream's name; empty for the default upstream, whose keys have no prefix
 */
export function upstreamPrefix(alias: string): string {
  return alias === '' ? '' : `${alias}::`;
}
