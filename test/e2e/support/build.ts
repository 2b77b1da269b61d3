import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PROJECT } from './project.ts';
import { missing, TOOLS } from './tools.ts';

/** Once before all files: builds the Worker as it is deployed, and says which tools this machine lacks. */
export async function setup(): Promise<void> {
  const absent = missing(TOOLS);
  if (absent.length > 0)
    console.log(`e2e: not installed, so the tests that need them do not run: ${absent.join(', ')}`);
  await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: PROJECT });
}
