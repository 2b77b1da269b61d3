import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Breakage } from './mutation.ts';

/** What Vitest's JSON reporter writes, as far as it is read here. */
interface Results {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** The titles of the tests that failed and passed, or why there are none. */
export interface TestRun {
  readonly failed: readonly string[];
  readonly passed: readonly string[];
  /** Of the first test that failed. */
  readonly message?: string;
  readonly problem?: string;
}

/** A test that waits for what a mutation prevents fails by its own limit, long before this. */
const TIMEOUT_MS = 180_000;
/** The model makes all of its moves if it notices nothing. */
const MODEL_TIMEOUT_MS = 900_000;

/** Runs the model. @param folder a copy of the project @returns after how many moves it noticed, if it did */
export async function runModel(folder: string): Promise<number | undefined> {
  const { message = '' } = await runTests(folder, { caughtBy: 'test/model/model.test.ts' }, MODEL_TIMEOUT_MS);
  const moves = /a law is broken after (\d+) moves/.exec(message)?.[1];
  return moves === undefined ? undefined : Number(moves);
}

/** Runs the tests that have to notice a mutation, up to the first that fails. @param folder a copy of the project */
export async function runTests(
  folder: string,
  { caughtBy, title }: Pick<Breakage, 'caughtBy' | 'title'>,
  timeoutMs = TIMEOUT_MS,
): Promise<TestRun> {
  const file = join(folder, 'mutant.json');
  rmSync(file, { force: true });
  const options = [
    '--bail=1',
    '--hookTimeout=60000',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...(title ? ['-t', title] : []),
  ];
  const output = await runVitest(folder, [caughtBy, ...options], timeoutMs);
  try {
    return summarize(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return { failed: [], passed: [], problem: `no results: ${output.slice(-500)}` };
  }
}

function summarize({ testResults }: Results): TestRun {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const titlesOf = (wanted: string) => tests.filter(({ status }) => status === wanted).map(({ fullName }) => fullName);
  const [failed, passed] = [titlesOf('failed'), titlesOf('passed')];
  const message = tests.find(({ status }) => status === 'failed')?.failureMessages.join('\n');
  if (failed.length + passed.length > 0) return { failed, passed, ...(message !== undefined && { message }) };
  // A file that cannot be loaded notices nothing: it fails whatever it tests.
  return { failed, passed, problem: testResults.map(({ message }) => message).join('\n') || 'no test ran' };
}

/** @returns what it wrote */
function runVitest(folder: string, args: readonly string[], timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = [join('node_modules', 'vitest', 'vitest.mjs'), 'run', ...args];
    const child = spawn(process.execPath, command, {
      cwd: folder,
      env: { ...process.env, PWD: folder },
      timeout,
    });
    let output = '';
    const collect = (piece: Buffer) => {
      output += piece;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    // Nothing is left running after Ctrl-C.
    const stop = () => child.kill();
    process.once('exit', stop);
    child.on('error', reject);
    child.on('close', () => {
      process.off('exit', stop);
      resolve(output);
    });
  });
}
