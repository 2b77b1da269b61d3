import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';
import { readProject } from '../../local/doctor/project.ts';
import { readWranglerConfig } from '../../local/wranglerConfig.ts';

/** As wrangler reads it for a deploy. */
const config = readConfig({ config: 'wrangler.toml' });

it('Workers Cache is off: it would answer in front of the Worker', () => {
  expect(config.exports?.default).toEqual({ type: 'worker', cache: { enabled: false } });
});

it('the stores that need no other account are bound, and the classes of objects are created by the deploy', () => {
  expect(config.durable_objects.bindings).toMatchObject([
    { name: 'REPOSITORIES', class_name: 'RepositoryObject' },
    { name: 'METRICS', class_name: 'MetricsObject' },
  ]);
  // A class that was deployed under one tag is never created under another.
  expect(config.migrations).toMatchObject([
    { tag: 'v1', new_sqlite_classes: ['RepositoryObject'] },
    { tag: 'v2', new_sqlite_classes: ['MetricsObject'] },
  ]);
  expect(config.kv_namespaces).toMatchObject([{ binding: 'DESCRIPTORS' }]);
});

it('no bucket is bound unless it is wanted: not every account has R2', () => {
  expect(config.r2_buckets).toEqual([]);
});

describe('the button that deploys a public copy', () => {
  const { cloudflare, scripts } = JSON.parse(readFileSync('package.json', 'utf8'));

  it('asks for the variables of wrangler.toml, which have no value yet', () => {
    expect(config.vars).toEqual({ ORIGIN_URL: '', PRESET: '' });
  });

  it('describes each variable and each store that it creates', () => {
    const stores = [...config.durable_objects.bindings.map((object: { name: string }) => object.name), 'DESCRIPTORS'];
    expect(Object.keys(cloudflare.bindings).toSorted()).toEqual([...Object.keys(config.vars), ...stores].toSorted());
    for (const { description } of Object.values<{ description: string }>(cloudflare.bindings))
      expect(description).toMatch(/^[A-Z].+\.$/);
  });

  it('asks for no secret: each line of the example would be one that is required, with a value for everybody', () => {
    const lines = readFileSync('.dev.vars.example', 'utf8').split('\n');
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });

  it('builds and deploys by the scripts of package.json', () => {
    expect(scripts).toMatchObject({ build: expect.any(String), deploy: expect.stringContaining('local/deploy.ts') });
  });
});

const require = createRequire(import.meta.url);
/** The path of the workerd that miniflare runs. */
const { default: WORKERD } = createRequire(require.resolve('miniflare'))('workerd') as { default: string };

/** Runs a Worker that does nothing with compatibility flags, and without `--experimental`. @returns what workerd says */
function runWith(flags: readonly string[]): { isAccepted: boolean; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'registry-edge-'));
  const file = join(folder, 'config.capnp');
  writeFileSync(
    file,
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (services = [(name = "main", worker = (
      modules = [(name = "main", esModule = "export default { test() {} }")],
      compatibilityDate = ${JSON.stringify(config.compatibility_date)},
      compatibilityFlags = ${JSON.stringify(flags)},
    ))]);`,
  );
  const { status, stderr } = spawnSync(WORKERD, ['test', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return { isAccepted: status === 0, output: stderr };
}

it('no compatibility flag is experimental: Cloudflare would refuse the deploy, which miniflare does not notice', () => {
  expect(runWith(config.compatibility_flags)).toMatchObject({ isAccepted: true });
  const { isAccepted, output } = runWith([...config.compatibility_flags, 'experimental']);
  expect(isAccepted).toBe(false);
  expect(output).toContain('experimental');
});

describe('a configuration that cannot be read', () => {
  it.each([
    ['broken.toml', 'name = "edge"\n[vars\n', /broken\.toml, line 2: ./],
    ['broken.jsonc', '{\n  "name": "edge",\n  "vars": {"A" 1}\n}', /broken\.jsonc, line 3: ./],
    [
      'wrangler.yaml',
      'name: edge',
      /wrangler\.yaml: expected the name of a file that ends with \.toml, \.json or \.jsonc$/,
    ],
  ])('is named, with the line: %s', async (name, text, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'wrangler-'));
    const file = join(folder, name);
    writeFileSync(file, text);
    await expect(readWranglerConfig(file)).rejects.toThrow(message);
    await expect(readProject(file, {})).rejects.toThrow(message);
    rmSync(folder, { recursive: true });
  });
});
