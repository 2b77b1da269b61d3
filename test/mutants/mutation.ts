/** Where the laws are listed: docs/request-handling.md, "The laws", and principles besides them. */
export type Law = '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10' | Principle;
type Principle =
  | 'who may push'
  | 'one question'
  | 'several upstreams'
  | 'lent account'
  | 'policies'
  | 'pull budget'
  | 'metrics'
  | 'page'
  | 'bytes'
  | 'archive';

/** A way to break a law that a test has to notice. */
export interface Breakage {
  /** What the edge would do wrong. */
  readonly wrong: string;
  readonly file: string;
  /** A part of the file that occurs in it exactly once. */
  readonly text: string;
  /** What stands in its place. */
  readonly replacement: string;
  /** The file of tests that has to fail. */
  readonly caughtBy: string;
  /** A regular expression for the titles of the tests that are run; by default all of the file. */
  readonly title?: string;
  /** After how many random steps the model notices, where it was tried. */
  readonly modelSteps?: number;
}

export interface Mutation extends Breakage {
  readonly law: Law;
}

/** Applies a mutation to the content of its file. @throws Error the text does not occur exactly once */
export function mutate(content: string, { file, text, replacement }: Breakage): string {
  const parts = content.split(text);
  if (parts.length !== 2) throw new Error(`${file} has this text ${parts.length - 1} times, and not once: ${text}`);
  return parts.join(replacement);
}
