import { isRepositoryName, type RepositoryName } from './name.ts';

/** Finds the repositories that an envelope of events names, without parsing it: the envelope is too large. */
export interface RepositoryScan {
  /** @param piece the next piece of the text */
  read(piece: string): void;
  /** The names found so far, up to the maximum. */
  readonly found: ReadonlySet<RepositoryName>;
}

/** Some JSON writers escape the slash. */
const REPOSITORY = /"repository"\s{0,8}:\s{0,8}"([a-z0-9._\\/-]+)"/g;
/** Longer than the longest match, with every slash escaped. */
const OVERLAP_CHARACTERS = 1_024;

/** @param max how many names to find */
export function createRepositoryScan(max: number): RepositoryScan {
  const found = new Set<RepositoryName>();
  let overlap = '';
  return {
    found,
    read(piece) {
      const text = overlap + piece;
      for (const [, escaped = ''] of text.matchAll(REPOSITORY)) {
        const name = escaped.replaceAll('\\/', '/');
        if (found.size < max && isRepositoryName(name)) found.add(name);
      }
      overlap = text.slice(-OVERLAP_CHARACTERS);
    },
  };
}
