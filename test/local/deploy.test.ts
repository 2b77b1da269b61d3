import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const LIMIT_MS = 60_000;
const DOCKER_HUB = 'examples/docker-hub/wrangler.toml';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deploy-'));
});
afterEach(async () => rm(folder, { recursive: true }));

/** Runs `npm run deploy` as somebody who has never logged in. */
function deploy(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const own = { PATH: process.env.PATH, HOME: folder, XDG_CONFIG_HOME: folder, ...env };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile('npm', ['run', '-s', 'deploy', '--', ...args], { env: own }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** Writes a wrangler.toml with these lines, and returns its path. */
async function configuration(...lines: string[]): Promise<string> {
  await mkdir(join(folder, 'dist'));
  await writeFile(join(folder, 'dist/index.js'), 'export default {};');
  const file = join(folder, 'wrangler.toml');
  await writeFile(file, ['name = "edge"', 'main = "dist/index.js"', ...lines].join('\n'));
  return file;
}

it('without a registry, says in a sentence what to set, and does not deploy', { timeout: LIMIT_MS }, async () => {
  const { code, stdout, stderr } = await deploy([]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^wrangler\.toml: nothing says which registry is behind the edge\. Set ORIGIN_URL or PRESET/);
});

it('names a bad variable and a store that is not bound, and no secret', { timeout: LIMIT_MS }, async () => {
  const vars = ['[vars]', 'ORIGIN_URL = "https://registry.example.com"', 'TAG_TTL = "soon"', 'BLOB_STORE = "r2"'];
  const more = ['CLIENT_AUTH = "basic"', 'ORIGIN_ACCOUNT = "password"', 'ORIGIN_USERNAME = "edge"'];
  const allow = 'ALLOW_REPOSITORIES = "team/*"';
  const { code, stderr } = await deploy(['--config', await configuration(...vars, ...more, allow)]);
  const named = [...stderr.matchAll(/^problem {2}([A-Z_]+):/gm)].map(([, name]) => name);
  expect([code, named.toSorted()]).toEqual([1, ['BLOBS', 'REPOSITORIES', 'TAG_TTL']]);
});

it('shows the options of wrangler, also where nothing is configured', { timeout: LIMIT_MS }, async () => {
  for (const help of ['--help', '-h']) {
    expect(await deploy([help])).toMatchObject({ code: 0, stdout: expect.stringContaining('--dry-run'), stderr: '' });
  }
});

it('says how to log in', { timeout: LIMIT_MS }, async () => {
  const { code, stderr } = await deploy(['--config', DOCKER_HUB]);
  expect([code, stderr]).toEqual([1, expect.stringContaining('Run npx wrangler login')]);
});

it('builds and checks everything in a dry run, without a login', { timeout: LIMIT_MS }, async () => {
  const { code, stdout } = await deploy(['--dry-run', '--config', DOCKER_HUB]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/env\.REPOSITORIES .+\n(?:.*\n)*.*--dry-run: exiting now/)]);
});

it('deploys all the same where a dashboard has asked for the variables', { timeout: LIMIT_MS }, async () => {
  const { code, stdout, stderr } = await deploy(['--dry-run'], { WORKERS_CI: '1' });
  expect([code, stderr]).toEqual([0, expect.stringContaining('Set ORIGIN_URL or PRESET')]);
  expect(stdout).toContain('--dry-run: exiting now.');
});
