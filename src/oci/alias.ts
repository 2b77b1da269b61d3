import { fingerprint } from './hash.ts';

export const MAX_ALIAS_CHARACTERS = 32;
const ALIAS = new RegExp(`^[a-z0-9-]{1,${MAX_ALIAS_CHARACTERS}}$`);

/** Whether a text can be the name of an upstream: no key, pattern or path reads it as anything else. */
export function isAlias(text: string): boolean {
  return ALIAS.test(text);
}

/**
 * Returns what precedes every key of an upstream in a store. What was confirmed with an account of the edge's own counts
 * only for edges that lend this account, and lend it for the same.
 * @param account its name, and what it is lent for; `undefined`: the edge has none
 */
export function storePrefix(
  alias: string,
  account: { readonly name: string; readonly lentFor: 'all' | 'public' } | undefined,
): string {
  const kind = account?.lentFor === 'public' ? 'public-account' : 'account';
  const ofAccount = account === undefined ? '' : `${kind}::${fingerprint(account.name).toString(16)}::`;
  return upstreamPrefix(alias) + ofAccount;
}

/**
 * Returns what precedes every key of an upstream, in memory and in stores, so that upstreams share nothing by accident.
 * Its first word begins no other key.
 * @param alias the upstream's name; empty for the default upstream, whose keys have no prefix
 * @throws TypeError the alias could be read as something else in a key or a pattern
 */
export function upstreamPrefix(alias: string): string {
  if (alias === '') return '';
  if (!isAlias(alias)) throw new TypeError('an alias has only a to z, digits and hyphens');
  return `upstream::${alias}::`;
}
