import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedisReplies } from './redisReplies.ts';

const LIMIT_MS = 30_000;
const TOKEN = 'a-token-of-16-characters';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'commands-'));
  await writeFile(join(folder, 'empty'), '# nothing yet\n\n');
});
afterAll(async () => rm(folder, { recursive: true }));

/** Runs a command of package.json without npm, with no variables but these. */
function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = { env: { PATH: process.env.PATH, HOME: folder, ...env }, timeout: LIMIT_MS };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [`local/${command}.ts`, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

describe('--help', { timeout: LIMIT_MS }, () => {
  it.each([
    ['npm start', 'start'],
    ['npm run doctor', 'doctor'],
    ['npm run warm', 'warm'],
    ['npm run user', 'user'],
    ['npm run price', 'price'],
    ['npm run upstash-local', 'upstash'],
  ])('of %s shows the usage', async (name, file) => {
    const { code, stdout, stderr } = await run(file, ['--help']);
    expect([code, stdout, stderr]).toEqual([0, expect.stringContaining(`${name} -- `), '']);
  });
});

describe('npm run user', { timeout: LIMIT_MS }, () => {
  it.each([[['--name', 'ci']], [['ann', 'bob']], [[]]])('makes no token for %j', async (args) => {
    const { code, stdout } = await run('user', args);
    expect([code, stdout]).toEqual([1, '']);
  });
});

describe('npm run warm', { timeout: LIMIT_MS }, () => {
  it.each([
    ['no image', [], {}, /^there is no image to warm\n/],
    ['a file without an image', ['--file', 'empty'], {}, /^there is no image to warm\n/],
    [
      'too many at the same time',
      ['--parallel', '17', 'a'],
      {},
      /^--parallel: expected a whole number from 1 to 16\n$/,
    ],
    ['a part of a number', ['--parallel', '1.5', 'a'], {}, /^--parallel: expected a whole number/],
    [
      'an upstream that it cannot choose',
      ['--upstream', 'hub', 'a'],
      {},
      /^--upstream: requires ADMIN_TOKEN; without it, choose/,
    ],
    ['an address of no edge', ['a'], { EDGE_URL: 'foo' }, /^EDGE_URL: expected a URL with https/],
    ['a folder in place of a file', ['--file', 'folder'], {}, /^--file: \S+ cannot be read \(EISDIR\)$/m],
    ['a token of two lines', ['a'], { ADMIN_TOKEN: `${TOKEN}\n${TOKEN}` }, /^ADMIN_TOKEN: expected a token of 16/],
  ])('says what is wrong with %s', async (_what, args, env, message) => {
    const paths: Readonly<Record<string, string>> = { empty: join(folder, 'empty'), folder };
    const at = args.map((arg) => paths[arg] ?? arg);
    const { code, stdout, stderr } = await run('warm', at, { EDGE_URL: 'http://127.0.0.1:9', ...env });
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(message)]);
    expect(stderr).not.toContain(TOKEN);
  });
});

describe('npm run upstash-local', { timeout: LIMIT_MS }, () => {
  it('ends where no Redis answers, and shows no password', async () => {
    const env = { REDIS_URL: 'redis://user:hunter2@127.0.0.1:9', UPSTASH_REDIS_REST_TOKEN: TOKEN, PORT: '0' };
    const { code, stderr } = await run('upstash', [], env);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^REDIS_URL: no Redis .+ECONNREFUSED.+; start one/m)]);
    expect(stderr).not.toContain('hunter2');
  });

  it.each([
    ['a server that wants a password', '-NOAUTH Authentication required.\r\n', /^REDIS_URL: .+\(NOAUTH .+password$/m],
    ['a port that is taken', '+OK\r\n', /^PORT: .+EADDRINUSE.+; set it to another one$/m],
  ])('ends and says why: %s', async (_what, reply, message) => {
    const server = await startRedisReplies(reply);
    const PORT = `${server.port}`;
    const env = { REDIS_URL: `redis://127.0.0.1:${PORT}`, UPSTASH_REDIS_REST_TOKEN: TOKEN, PORT };
    const { code, stderr } = await run('upstash', [], env);
    server.close();
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});
