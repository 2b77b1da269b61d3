import { resolve } from 'node:path';
import { createVitest, type TestModule, type Vitest } from 'vitest/node';
import type { TestRequest, TestRun } from './testRun.ts';

/**
 * A process that starts Vitest once, for the project in its working directory, and then runs tests for each message, up
 * to the first that fails. Servers, storage and isolates are new each time; what stays are Vitest and the modules that
 * it has transformed, which is two thirds of the time of a run of its own.
 */
const vitest = await createVitest('test', { watch: false, bail: 1, hookTimeout: 60_000, reporters: [] });
let changedBefore: string | undefined;
let isFirst = true;

process.on('message', async (request: TestRequest) => {
  const run = await runTests(vitest, request).catch(
    (error: unknown): TestRun => ({ failed: [], passed: [], problem: String(error) }),
  );
  process.send?.(run);
});
// The servers of the tests end with it.
process.on('disconnect', async () => {
  await vitest.close();
  process.exit();
});

async function runTests(vitest: Vitest, { tests, title, changed }: TestRequest): Promise<TestRun> {
  for (const file of [changedBefore, changed]) if (file !== undefined) vitest.invalidateFile(resolve(file));
  changedBefore = changed;
  if (title === undefined) vitest.resetGlobalTestNamePattern();
  else vitest.setGlobalTestNamePattern(title);
  const path = resolve(tests);
  const wanted = (await vitest.globTestSpecifications([path])).filter(({ moduleId }) => moduleId === path);
  const run = isFirst ? vitest.runTestSpecifications(wanted) : vitest.rerunTestSpecifications(wanted);
  isFirst = false;
  const { testModules } = await run;
  return summarize(testModules.filter(({ moduleId }) => moduleId === path));
}

function summarize(modules: readonly TestModule[]): TestRun {
  const tests = modules.flatMap(({ children }) => [...children.allTests()]);
  const titlesOf = (wanted: string) =>
    tests.filter((test) => test.result().state === wanted).map(({ fullName }) => fullName);
  const [failed, passed] = [titlesOf('failed'), titlesOf('passed')];
  const [message] = tests.flatMap((test) => test.result().errors ?? []).map(({ message }) => message);
  if (failed.length + passed.length > 0) return { failed, passed, ...(message !== undefined && { message }) };
  // A file that cannot be loaded notices nothing: it fails whatever it tests.
  const errors = modules.flatMap((module) => module.errors()).map(({ message }) => message);
  return { failed, passed, problem: errors.join('\n') || 'no test ran' };
}
