/** What a process that runs tests is asked for. Paths begin at its working directory. */
export interface TestRequest {
  /** The file of tests. */
  readonly tests: string;
  /** A regular expression for the titles of the tests that are run; by default all of the file. */
  readonly title: string | undefined;
  /** A file that was changed since the process began; it may have been changed back. */
  readonly changed: string | undefined;
}

/** The titles of the tests that failed and passed, or why there are none. */
export interface TestRun {
  readonly failed: readonly string[];
  readonly passed: readonly string[];
  /** Of the first test that failed. */
  readonly message?: string;
  readonly problem?: string;
}
