import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };

/**
 * Gives the page a copy of what Hono's HTML is written with, of which the main module has a part, too: a module that
 * both share would be one more that every isolate imports when it starts.
 */
const ownHtml: Plugin = {
  name: 'own html',
  setup({ onResolve }) {
    onResolve({ filter: /\/utils\/html\.js$/ }, ({ path, importer, resolveDir }) =>
      importer.includes('/helper/html/') ? { path: join(resolveDir, path), suffix: '?page' } : undefined,
    );
  },
};

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
  // A name without a hash, so that a file of the folder is one module in every build.
  chunkNames: '[name]',
  plugins: [ownHtml],
  define: { REGISTRY_EDGE_VERSION: JSON.stringify(manifest.version) },
} satisfies BuildOptions;

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

/** Writes the Worker's modules to a folder, and removes those of other versions: wrangler deploys all that it finds. */
export async function buildInto(folder: string): Promise<void> {
  const { metafile } = await build({ ...BUNDLING, entryPoints: ['src/index.ts'], outdir: folder, metafile: true });
  const written = new Set(Object.keys(metafile.outputs).map((path) => relative(folder, path)));
  const files = await readdir(folder, { recursive: true });
  const others = files.filter((name) => name.endsWith('.js') && !written.has(name));
  await Promise.all(others.map((name) => rm(join(folder, name))));
}

/** `npm run build`: writes to `dist/` what wrangler deploys. */
if (import.meta.main) await buildInto('dist');
