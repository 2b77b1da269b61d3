import type { Mutation } from './mutation.ts';

/** What became of a mutation. */
export interface Outcome {
  readonly mutation: Mutation;
  readonly seconds: number;
  /** The title of a test that failed. */
  readonly noticedBy?: string;
  /** Why it counts as survived. */
  readonly problem?: string;
}

/** Returns the line of the table about one mutation. */
export function lineOf({ mutation: { law, wrong, caughtBy }, seconds, noticedBy, problem }: Outcome): string {
  const outcome = noticedBy === undefined ? 'SURVIVED' : 'caught';
  return `${outcome.padEnd(8)}  ${seconds.toFixed(1).padStart(5)} s  law ${law}: ${wrong}\n          ${caughtBy}: ${noticedBy ?? problem}`;
}

/** Returns the outcomes as Vitest's JSON reporter writes tests, which `.ci/run` counts. */
export function asTestResults(outcomes: readonly Outcome[]) {
  const assertionResults = outcomes.map(({ mutation: { law, wrong }, noticedBy, problem = '' }) => ({
    status: noticedBy === undefined ? 'failed' : 'passed',
    fullName: `law ${law}: ${wrong}`,
    failureMessages: noticedBy === undefined ? [problem] : [],
  }));
  const numFailedTests = assertionResults.filter(({ status }) => status === 'failed').length;
  const status = numFailedTests > 0 ? 'failed' : 'passed';
  return {
    success: numFailedTests === 0,
    numPassedTests: outcomes.length - numFailedTests,
    numFailedTests,
    testResults: [{ name: 'mutants', status, message: '', assertionResults }],
  };
}

/** Returns the Markdown table of docs/testing.md. */
export function markdownOf(mutations: readonly Mutation[]): string {
  const rows = mutations.map(({ law, wrong, caughtBy, modelSteps }) => {
    const name = caughtBy.slice('test/'.length);
    return `| ${law} | ${wrong} | [${name}](../${caughtBy}) | ${modelSteps ?? ''} |`;
  });
  return ['| law | what is wrong | noticed by | steps of the model |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
