import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = resolve('local/release.ts');
const CHANGES =
  '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n- The first.\n';
const IDENTITY = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.com', GIT_COMMITTER_NAME: 'a' };

let home: string;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'release-'));
  folder = join(home, 'thing');
  await mkdir(folder);
  await write('package.json', '{\n  "name": "thing",\n  "version": "0.1.0"\n}\n');
  const lock = { name: 'thing', version: '0.1.0', lockfileVersion: 3, packages: { '': { version: '0.1.0' } } };
  await write('package-lock.json', JSON.stringify(lock));
  await write('CHANGELOG.md', CHANGES);
  await run('git', 'init', '--quiet');
  await run('git', 'add', '.');
  await run('git', 'commit', '--quiet', '--message', 'first');
});
afterEach(async () => rm(home, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const read = (name: string) => readFile(join(folder, name), 'utf8');

/** Runs a program in the temporary repository, with no settings of git but its own. */
function run(command: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...IDENTITY, GIT_COMMITTER_EMAIL: 'a@example.com', PATH: process.env.PATH, HOME: home };
  return new Promise((done) => {
    execFile(command, args, { cwd: folder, env }, (error, stdout, stderr) => {
      done({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

const release = (...args: string[]) => run(process.execPath, SCRIPT, ...args);
const log = async () => (await run('git', 'log', '--format=%s%d')).stdout.trim().split('\n');

it('moves what is unreleased under the version and the date, and makes a commit and a tag of it', async () => {
  const { code, stderr } = await release('0.2.0');

  expect([code, stderr]).toEqual([0, '']);
  const today = new Date().toISOString().slice(0, 10);
  const [before, after] = CHANGES.split('## [Unreleased]\n');
  expect(await read('CHANGELOG.md')).toBe(`${before}## [Unreleased]\n\n## [0.2.0] - ${today}\n${after}`);
  expect(JSON.parse(await read('package.json')).version).toBe('0.2.0');
  expect(JSON.parse(await read('package-lock.json'))).toMatchObject({
    version: '0.2.0',
    packages: { '': { version: '0.2.0' } },
  });
  expect(await log()).toEqual([expect.stringMatching(/^release: 0\.2\.0 \(.*tag: v0\.2\.0\)$/), 'first']);
  expect((await run('git', 'status', '--porcelain')).stdout).toBe('');
});

it('releases the version that package.json has, if that was not released', async () => {
  expect((await release('0.1.0')).code).toBe(0);
  expect(await log()).toEqual([expect.stringContaining('tag: v0.1.0'), 'first']);
});

it.each([
  { what: 'no version', args: [], says: 'expected three numbers' },
  { what: 'a version with a word', args: ['v0.2.0'], says: 'expected three numbers' },
  { what: 'a version with leading zeros', args: ['01.2.0'], says: 'expected three numbers' },
  { what: 'an earlier version', args: ['0.0.9'], says: '0.0.9 comes before 0.1.0' },
])('refuses $what, and changes nothing', async ({ args, says }) => {
  const { code, stderr } = await release(...args);

  expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
  expect([await log(), await read('CHANGELOG.md')]).toEqual([[expect.stringContaining('first')], CHANGES]);
});

it('refuses while something is not committed', async () => {
  await write('new.txt', '');
  expect(await release('0.2.0')).toMatchObject({ code: 1, stderr: expect.stringContaining('not committed') });
});

it('refuses a version a second time', async () => {
  await release('0.2.0');
  expect(await release('0.2.0')).toMatchObject({ code: 1, stderr: expect.stringContaining('v0.2.0 is there') });
});

it('refuses to release nothing', async () => {
  await release('0.2.0');
  expect(await release('0.3.0')).toMatchObject({ code: 1, stderr: expect.stringContaining('what is new under') });
  expect(await log()).toHaveLength(2);
});
