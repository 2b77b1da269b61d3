import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { BUNDLING } from '../../local/build.ts';
import { temporaryFolder } from '../e2e/support/cleanup.ts';

/**
 * Bundles a Worker as `npm run build` does.
 * @param isMinified `false` keeps the names of functions, for profiles
 * @returns the path of the main module
 */
export async function bundle(script: string, isMinified = true): Promise<string> {
  const folder = await temporaryFolder();
  await build({ ...BUNDLING, entryPoints: [script], outdir: folder, minify: isMinified });
  return join(folder, basename(script).replace(/\.ts$/, '.js'));
}
