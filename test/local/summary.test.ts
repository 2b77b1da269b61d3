import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'summary-'));
});
afterEach(async () => rm(folder, { recursive: true }));

const PASSED = { status: 'passed', fullName: 'passes' };
const FAILED = { status: 'failed', fullName: 'fails', failureMessages: ['expected 1 to be 2\n    at a line'] };
const SKIPPED = { status: 'skipped', fullName: 'is skipped' };

describe('the summary of a CI run', () => {
  it('adds up the tests of all runs', async () => {
    await writeResults('test', [{ status: 'passed', assertionResults: [PASSED, PASSED] }]);
    await writeResults('e2e', [{ status: 'passed', assertionResults: [PASSED] }]);

    expect(await summarize('test', 'e2e')).toEqual({ code: 0, lines: ['3 passed, 0 failed'] });
  });

  it('fails if a test failed, and says which, and why', async () => {
    await writeResults('test', [{ status: 'failed', assertionResults: [PASSED, FAILED] }]);

    const { code, lines } = await summarize('test');

    expect(code).toBe(1);
    expect(lines).toEqual([
      'PROBLEM: test: failed: fails: expected 1 to be 2',
      'PROBLEM: test: not a success',
      '1 passed, 1 failed',
    ]);
  });

  it('fails if a test was skipped, and names it', async () => {
    await writeResults('test', [{ status: 'passed', assertionResults: [PASSED, SKIPPED] }]);

    const { code, lines } = await summarize('test');

    expect(code).toBe(1);
    expect(lines).toEqual(['PROBLEM: test: skipped: is skipped', '1 passed, 0 failed']);
  });

  it('counts a file that cannot be loaded as a failure, and says why', async () => {
    await writeResults('test', [
      { status: 'passed', assertionResults: [PASSED] },
      { status: 'failed', name: 'broken.test.ts', message: 'SyntaxError', assertionResults: [] },
    ]);

    const { code, lines } = await summarize('test');

    expect(code).toBe(1);
    expect(lines[0]).toBe('PROBLEM: test: broken.test.ts: SyntaxError');
    expect(lines.at(-1)).toBe('1 passed, 1 failed');
  });

  it('fails if no test passed', async () => {
    await writeResults('test', []);

    expect(await summarize('test')).toEqual({
      code: 1,
      lines: ['PROBLEM: test: no test passed', '0 passed, 0 failed'],
    });
  });

  it('fails if a run left no results', async () => {
    expect(await summarize('e2e')).toEqual({ code: 1, lines: ['PROBLEM: e2e: no results', '0 passed, 0 failed'] });
  });
});

interface FileResult {
  readonly status: 'passed' | 'failed';
  readonly name?: string;
  readonly message?: string;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}

/** Writes results as Vitest's JSON reporter does. */
async function writeResults(name: string, testResults: readonly FileResult[]): Promise<void> {
  const count = (status: string) => testResults.flatMap((file) => file.assertionResults.filter(isOf(status))).length;
  const results = {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    success: testResults.every((file) => file.status === 'passed'),
    testResults,
  };
  await writeFile(join(folder, `${name}.json`), JSON.stringify(results));
}

function isOf(wanted: string) {
  return ({ status }: { readonly status: string }) => status === wanted;
}

function summarize(...names: string[]): Promise<{ code: number; lines: string[] }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['test/ci/summary.mjs', folder, ...names], (error, stdout) => {
      resolve({ code: Number(error?.code ?? 0), lines: stdout.trimEnd().split('\n') });
    });
  });
}
