import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Breakage, type Mutation, mutate } from '../mutants/mutation.ts';
import { MUTATIONS } from '../mutants/mutations.ts';
import { asTestResults, lineOf, markdownOf } from '../mutants/report.ts';

const BREAKAGE: Breakage = {
  wrong: 'it leaks',
  file: 'src/a.ts',
  text: 'a',
  replacement: 'b',
  caughtBy: 'test/a.test.ts',
};
const MUTATION: Mutation = { law: '9', ...BREAKAGE };

describe('the mutations of npm run mutants', () => {
  it('all apply to the sources of today', () => {
    for (const mutation of MUTATIONS) {
      const content = readFileSync(mutation.file, 'utf8');
      expect(mutate(content, mutation), mutation.wrong).not.toBe(content);
    }
  });

  it('all name a file of tests that exists', () => {
    expect(MUTATIONS.filter(({ caughtBy }) => !existsSync(caughtBy))).toEqual([]);
  });

  it('each have a sentence of their own, by which a survivor is found', () => {
    const sentences = MUTATIONS.map(({ law, wrong }) => `${law}: ${wrong}`);
    expect(sentences).toHaveLength(new Set(sentences).size);
  });

  it('are listed in docs/testing.md: copy the output of npm run mutants -- --list', () => {
    expect(normalized(readFileSync('docs/testing.md', 'utf8'))).toContain(normalized(markdownOf(MUTATIONS)));
  });
});

/** Without the spaces and dashes by which the formatter aligns tables. */
function normalized(markdown: string): string {
  return markdown.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
}

describe('a mutation', () => {
  it('replaces its text', () => {
    expect(mutate('x a x', BREAKAGE)).toBe('x b x');
  });

  it('does not apply if its text is missing or ambiguous', () => {
    expect(() => mutate('x x', BREAKAGE)).toThrow('src/a.ts has this text 0 times, and not once: a');
    expect(() => mutate('a x a', BREAKAGE)).toThrow('2 times');
  });
});

describe('the report of the mutants', () => {
  const caught = { mutation: MUTATION, seconds: 1, noticedBy: 'leaks nothing' };
  const survived = { mutation: MUTATION, seconds: 1, problem: '12 tests passed' };

  it('counts the caught as passed tests and the others as failed ones', () => {
    expect(asTestResults([caught, survived])).toMatchObject({ success: false, numPassedTests: 1, numFailedTests: 1 });
    expect(asTestResults([caught])).toMatchObject({ success: true, numPassedTests: 1, numFailedTests: 0 });
  });

  it('names the test that noticed, or why none did', () => {
    expect(lineOf(caught)).toMatch(/^caught .*law 9: it leaks\n.*leaks nothing$/);
    expect(lineOf(survived)).toMatch(/^SURVIVED .*law 9: it leaks\n.*12 tests passed$/);
  });
});
