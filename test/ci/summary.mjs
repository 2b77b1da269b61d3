/**
 * The last lines of `.ci/run`: what was wrong with the test runs, each test that failed by its name and its message's
 * first line, and how many tests passed and failed in all of them.
 *
 *     node test/ci/summary.mjs FOLDER NAME...
 *
 * reads FOLDER/NAME.json for each name, as Vitest's JSON reporter writes it. It exits with 1 if a test failed or was
 * skipped, or if a run has no results. It is plain JavaScript without dependencies, because it runs even where
 * `npm install` has failed, with whatever Node the machine has (20 or newer).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', ...names] = process.argv.slice(2);
const summaries = names.map((name) => summarize(name, read(join(folder, `${name}.json`))));
const problems = summaries.flatMap((summary) => summary.problems);
const passed = sum(summaries.map((summary) => summary.passed));
const failed = sum(summaries.map((summary) => summary.failed));
for (const problem of problems) console.log(`PROBLEM: ${problem}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = problems.length > 0 || failed > 0 ? 1 : 0;

/** Reads the results of a run; `undefined` if it wrote none. */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Counts the tests of one run and describes everything that is wrong with it. */
function summarize(name, results) {
  if (!results) return { passed: 0, failed: 0, problems: [`${name}: no results`] };
  const broken = results.testResults.filter(isBroken);
  const tests = results.testResults.flatMap((file) => file.assertionResults);
  const unsuccessful = tests.filter(({ status }) => status !== 'passed');
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken.length,
    problems: [
      ...broken.map((file) => `${name}: ${file.name}: ${file.message}`),
      ...unsuccessful.map((test) => `${name}: ${test.status}: ${test.fullName}${reasonOf(test)}`),
      ...(results.numPassedTests === 0 ? [`${name}: no test passed`] : []),
      ...(results.success ? [] : [`${name}: not a success`]),
    ],
  };
}

/** Returns the first line of what a test that failed says, if it does. */
function reasonOf({ failureMessages: [message] = [] }) {
  return message === undefined ? '' : `: ${message.split('\n', 1)[0]}`;
}

/** A file that cannot be loaded has failed although none of its tests has. */
function isBroken({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed');
}

function sum(counts) {
  return counts.reduce((total, count) => total + count, 0);
}
