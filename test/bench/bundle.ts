import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../e2e/support/cleanup.ts';
import { PROJECT } from '../e2e/support/project.ts';

/**
 * Bundles a Worker as `npm run build` does.
 * @param isMinified `false` keeps the names of functions, for profiles
 * @returns the path of the bundle's only module
 */
export async function bundle(script: string, isMinified = true): Promise<string> {
  const folder = await temporaryFolder();
  const args = ['wrangler', 'deploy', script, '--dry-run', `--minify=${isMinified}`, '--outdir', folder];
  await promisify(execFile)('npx', args, { cwd: PROJECT });
  return join(folder, basename(script).replace(/\.ts$/, '.js'));
}
