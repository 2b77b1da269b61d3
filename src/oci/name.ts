import { quoted, RegistryError } from './errors.ts';

declare const valid: unique symbol;

/** A repository's name by the grammar of the distribution-spec. Only this file makes one. */
export type RepositoryName = string & { readonly [valid]: 'RepositoryName' };

const MAX_NAME_CHARACTERS = 255;
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);

/** Whether a text is a valid repository name. */
export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= MAX_NAME_CHARACTERS && NAME.test(text);
}

/**
 * Reads a repository's name.
 * @param text such as `library/alpine`
 * @throws RegistryError NAME_INVALID
 */
export function parseRepositoryName(text: string): RepositoryName {
  if (!isRepositoryName(text)) throw new RegistryError('NAME_INVALID', { detail: { name: quoted(text) } });
  return text;
}
