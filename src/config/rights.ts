import type { Rights } from '../http/userSettings.ts';
import { parsePatterns } from '../oci/patterns.ts';

/** The members of a user that say what it may do. */
export const RIGHTS = ['pull', 'push', 'delete', 'catalog'] as const;

/** Who asks for nothing else than to push or to delete is no client: all ask first what is there. */
const PULL = 'pull: expected patterns of repositories, such as ["team/*","!team/secret"]';

/** Reads the rights of a user. @returns a sentence where they are none */
export function parseRights(given: Partial<Record<(typeof RIGHTS)[number], unknown>>): Rights | string {
  const pull = patternsIn(given.pull ?? []);
  if (!pull || pull.isEmpty) return PULL;
  const push = patternsIn(given.push ?? []);
  if (!push) return 'push: expected patterns of repositories, such as ["team/app"], or none';
  const remove = patternsIn(given.delete ?? []);
  if (!remove) return 'delete: expected patterns of repositories, such as ["team/app"], or none';
  const { catalog = false } = given;
  if (typeof catalog !== 'boolean') return 'catalog: expected true or false';
  return { pull, push, delete: remove, catalog };
}

/** Whether somebody with these rights may change anything. */
export function mayWrite({ push, delete: remove }: Rights): boolean {
  return !push.isEmpty || !remove.isEmpty;
}

function patternsIn(list: unknown) {
  const isList = Array.isArray(list) && list.every((pattern) => typeof pattern === 'string' && pattern !== '');
  return isList ? parsePatterns(list.join()) : undefined;
}
