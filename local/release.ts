import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { exitWithError } from './serve.ts';

const CHANGELOG = 'CHANGELOG.md';
const UNRELEASED = '## [Unreleased]';
/** Without leading zeros, which npm refuses (Semantic Versioning 2.0.0, §2). */
const VERSION = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}$/;

/**
 * `npm run release -- 0.2.0`: makes a release of what is committed. What CHANGELOG.md has under "Unreleased" moves under
 * the version and today's date, package.json and its lock get the version, and both are a commit with a tag. Nothing is
 * pushed or deployed.
 */
async function main([version = '']: readonly string[]): Promise<void> {
  const { version: current } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  if (!VERSION.test(version)) throw new Error('npm run release -- VERSION: expected three numbers, such as 0.2.0');
  if (isBefore(version, current)) throw new Error(`${version} comes before ${current}, the version in package.json.`);
  const tag = `v${version}`;
  if (await git('tag', '--list', tag)) throw new Error(`${tag} is there already: release another version.`);
  if (await git('status', '--porcelain')) {
    throw new Error('There are changes that are not committed: commit them, or put them away.');
  }
  const changes = released(await readFile(CHANGELOG, 'utf8'), version, new Date().toISOString().slice(0, 10));
  await writeFile(CHANGELOG, changes);
  await run('npm', ['version', version, '--no-git-tag-version', '--allow-same-version']);
  await git('commit', '--all', '--message', `release: ${version}`);
  await git('tag', '--annotate', tag, '--message', `registry-edge ${version}`);
  console.log(`${tag} is a commit and a tag. To publish it: git push --follow-tags. To take it back:`);
  console.log(`git tag --delete ${tag} && git reset --hard HEAD~1`);
}

/**
 * Returns a changelog in which what is unreleased is released.
 * @throws Error nothing is unreleased
 */
function released(changelog: string, version: string, date: string): string {
  const [before = '', after] = changelog.split(`${UNRELEASED}\n`);
  const changes = after?.split(/^## /m)[0]?.trim();
  if (!changes) throw new Error(`${CHANGELOG}: expected what is new under "${UNRELEASED}".`);
  return `${before}${UNRELEASED}\n\n## [${version}] - ${date}\n${after}`;
}

function isBefore(version: string, other: string): boolean {
  const [mine, theirs] = [version, other].map((text) => text.split('.').map(Number));
  const at = mine?.findIndex((number, index) => number !== theirs?.[index]) ?? -1;
  return at >= 0 && (mine?.[at] ?? 0) < (theirs?.[at] ?? 0);
}

/** @returns what it prints */
async function git(...args: string[]): Promise<string> {
  return run('git', args);
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args);
  return stdout.trim();
}

main(process.argv.slice(2)).catch(exitWithError);
