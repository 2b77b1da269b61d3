import { isRepositoryName, type RepositoryName } from './name.ts';

/** Finds the repositories that an envelope of events names, where it is too large to be parsed. */
export interface RepositoryScan {
  /** @param piece the next of the text */
  read(piece: string): void;
  /** Those found so far, at most as many as were wanted. */
  readonly found: ReadonlySet<RepositoryName>;
}

/** Some JSON writers escape the slash. */
const REPOSITORY = /"repository"\s{0,8}:\s{0,8}"([a-z0-9._\\/-]+)"/g;
/** Longer than the longest match, every slash escaped. */
const OVERLAP = 1_024;

/** @param most how many names are wanted */
export function createRepositoryScan(most: number): RepositoryScan {
  const found = new Set<RepositoryName>();
  let before = '';
  return {
    found,
    read(piece) {
      const text = before + piece;
      for (const [, written = ''] of text.matchAll(REPOSITORY)) {
        const name = written.replaceAll('\\/', '/');
        if (found.size < most && isRepositoryName(name)) found.add(name);
      }
      before = text.slice(-OVERLAP);
    },
  };
}
