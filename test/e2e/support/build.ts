import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PROJECT } from './project.ts';
import { missingTools, TOOLS } from './tools.ts';

/**
 * Runs once before all test files: names the tools that this machine lacks, and builds the Worker as it is deployed.
 */
export async function setup(): Promise<void> {
  const absent = missingTools(TOOLS);
  if (absent.length > 0) console.log(`e2e: tests are skipped for want of these tools: ${absent.join(', ')}`);
  await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: PROJECT });
}
