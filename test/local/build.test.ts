import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile, type Plugin } from 'esbuild';
import { expect, it } from 'vitest';
import { BUNDLING, buildInto } from '../../local/build.ts';
import manifest from '../../package.json' with { type: 'json' };

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_SWITCHED_OFF_BYTES = 10 * 1024;

it('an edge on another store than Redis parses nothing of the Redis client', async () => {
  const { outputs } = await bundle();
  const partsOf = (name: string) => Object.keys(outputs[`dist/${name}`]?.inputs ?? {});
  expect(partsOf('cloudflare.js').some(isRedisClient)).toBe(true);
  expect(partsOf('index.js')).toContain('src/stores/redis/backend.ts');
  expect(partsOf('index.js').filter(isRedisClient)).toEqual([]);
});

it('the main module imports no other before it is told to', async () => {
  const { outputs } = await bundle();
  const imports = outputs['dist/index.js']?.imports.filter(({ path }) => path.startsWith('dist/'));
  expect(imports?.map(({ path, kind }) => `${kind} ${path}`).toSorted()).toEqual([
    'dynamic-import dist/aws4fetch.esm.js',
    // bcrypt, for users with passwords.
    'dynamic-import dist/browser.js',
    'dynamic-import dist/cloudflare.js',
    // To verify tokens, and to sign for Google.
    'dynamic-import dist/jwt.js',
    'dynamic-import dist/jwt.js',
    'dynamic-import dist/page.js',
    'dynamic-import dist/page.js',
  ]);
});

it('knows the version of the package', async () => {
  const main = (await bundle()).text;
  expect(main).toContain(`"${manifest.version}"`);
  expect(main).not.toContain('REGISTRY_EDGE_VERSION');
});

it('leaves no module of another version in the folder, which would be deployed as well', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'registry-edge-'));
  try {
    await mkdir(join(folder, 'old'));
    for (const name of ['old.js', 'old/index.js', 'bench.json']) await writeFile(join(folder, name), '');
    await buildInto(folder);
    const names = await readdir(folder, { recursive: true });
    expect(names.filter((name) => name.endsWith('.js')).sort()).toEqual([
      ...['aws4fetch.esm.js', 'browser.js', 'cloudflare.js', 'index.js', 'jwt.js', 'page.js'],
    ]);
    expect(names).toContain('bench.json');
  } finally {
    await rm(folder, { recursive: true });
  }
});

const PAGE = ['src/page/', ...['page', 'session', 'known'].map((name) => `src/routes/admin/${name}.ts`)];

it.each([
  ...['src/stores/redis/', 'src/stores/kv/', 'src/stores/durable/', 'src/metrics/'].map((folder) => [folder]),
  PAGE,
])('%s costs those who do not use it at most 10 KiB gzipped in the main module', async (...paths) => {
  const cost = (await bundle()).gzippedBytes - (await bundle([without(paths)])).gzippedBytes;
  expect(cost).toBeGreaterThan(0);
  expect(cost).toBeLessThanOrEqual(MAX_SWITCHED_OFF_BYTES);
});

function isRedisClient(path: string): boolean {
  return path.includes('@upstash/');
}

/** Bundles the Worker without writing it. `gzippedBytes` is the size of its main module, `text` its code. */
async function bundle(plugins: Plugin[] = []): Promise<Metafile & { gzippedBytes: number; text: string }> {
  const { outputFiles, metafile } = await build({
    ...BUNDLING,
    entryPoints: ['src/index.ts'],
    outdir: 'dist',
    absWorkingDir: PROJECT,
    write: false,
    metafile: true,
    plugins: [...BUNDLING.plugins, ...plugins],
    // The modules that a plugin empties lack exports, which is a warning.
    logLevel: 'silent',
  });
  const main = outputFiles.find(({ path }) => path.endsWith('/dist/index.js'));
  if (!main) throw new Error('the bundle has no main module');
  return { ...metafile, gzippedBytes: gzipSync(main.contents).length, text: main.text };
}

/** Replaces the modules under these paths by empty ones, so that what only they import is left out as well. */
function without(paths: readonly string[]): Plugin {
  return {
    name: 'without',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) =>
        paths.some((below) => relative(PROJECT, path).startsWith(below)) ? { contents: '' } : undefined,
      );
    },
  };
}
