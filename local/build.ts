import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

/**
 * How a Worker is bundled: as wrangler does, but what it imports dynamically becomes a module of its own, next to the
 * main one.
 */
export const BUNDLING = {
  bundle: true,
  splitting: true,
  minify: true,
  sourcemap: true,
  format: 'esm',
  target: 'es2024',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['cloudflare:*'],
  // With a hash in its name, a module of the last build would stay in the folder and be deployed as well.
  chunkNames: '[name]',
} as const satisfies BuildOptions;

/**
 * Reads a main module, and the modules next to it that it imports dynamically.
 * @returns the code of each by its name; the main one is first
 */
export async function readModules(script: string): Promise<Record<string, string>> {
  const code = await readFile(script, 'utf8');
  const modules = { [basename(script)]: code };
  for (const [, name = ''] of code.matchAll(/\bimport\("\.\/([^"]+)"\)/g)) {
    modules[name] = await readFile(join(dirname(script), name), 'utf8');
  }
  return modules;
}

/** `npm run build`: writes to `dist/` what wrangler deploys. */
if (import.meta.main) await build({ ...BUNDLING, entryPoints: ['src/index.ts'], outdir: 'dist' });
