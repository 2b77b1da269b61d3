/**
 * Patterns of names (repositories, tags, subjects of tokens). A pattern is compared with the whole name, and case
 * counts: `*` stands for any characters within one component, `**` also for slashes. One that begins with `!` excludes
 * what it matches, whatever the others say and in whatever order they are.
 */
export interface Patterns {
  matches(name: string): boolean;
  /** Whether there is none, so that nothing matches. */
  readonly isEmpty: boolean;
  /** Whether one of them consists of nothing but wildcards. */
  readonly isUnbounded: boolean;
}

export const MAX_PATTERNS = 100;
const PATTERN = /^!?[!-+\--~]{1,256}$/;

/** Matches nothing. */
const NONE: Patterns = { isEmpty: true, isUnbounded: false, matches: () => false };

/**
 * Reads patterns between commas.
 * @returns `undefined`: there are too many, all exclude, or one is empty, too long or not of visible ASCII characters
 */
export function parsePatterns(text: string): Patterns | undefined {
  if (text === '') return NONE;
  const patterns = text.split(',').map((pattern) => pattern.trim());
  if (patterns.length > MAX_PATTERNS || !patterns.every((pattern) => PATTERN.test(pattern))) return undefined;
  const excluded = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => wordsOf(pattern.slice(1)));
  const included = patterns.filter((pattern) => !pattern.startsWith('!')).map(wordsOf);
  if (included.length === 0) return undefined;
  return {
    isEmpty: false,
    isUnbounded: patterns.some((pattern) => /^[*/]+$/.test(pattern)),
    matches(name) {
      const matchesWords = (words: readonly string[]) => isMatch(words, name);
      return included.some(matchesWords) && !excluded.some(matchesWords);
    },
  };
}

/** Returns what one of these matches, each with what it excludes by itself. */
export function anyOf(list: readonly Patterns[]): Patterns {
  return {
    isEmpty: list.every(({ isEmpty }) => isEmpty),
    isUnbounded: list.some(({ isUnbounded }) => isUnbounded),
    matches: (name) => list.some((patterns) => patterns.matches(name)),
  };
}

/** Returns the characters and the wildcards of a pattern. */
function wordsOf(pattern: string): string[] {
  return pattern.match(/\*+|[^*]/g)?.map((word) => (word.length > 1 ? '**' : word)) ?? [];
}

/**
 * Follows all ways to read the name at the same time, so it takes no longer than the product of both lengths; a regular
 * expression with many wildcards would try every combination of them.
 */
function isMatch(words: readonly string[], name: string): boolean {
  // Where in the name the words so far may end, in ascending order.
  let ends = new Set([0]);
  for (const word of words) {
    const next = new Set<number>();
    for (const end of ends) {
      if (word !== '*' && word !== '**') {
        if (name[end] === word) next.add(end + 1);
        continue;
      }
      // What follows a position that was reached before has been reached, too.
      for (let at = end; at <= name.length && !next.has(at); at++) {
        next.add(at);
        if (word === '*' && name[at] === '/') break;
      }
    }
    ends = next;
  }
  return ends.has(name.length);
}
