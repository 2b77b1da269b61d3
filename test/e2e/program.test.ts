import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './support/cleanup.ts';
import { startEdge, startProgram, whenReady } from './support/edge.ts';
import { head } from './support/http.ts';
import { listen } from './support/listen.ts';
import { freePort, isFree } from './support/port.ts';
import { inProject } from './support/project.ts';
import { SUCCESS, skopeo } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

/** Nothing listens there; the program sends nothing to its origin before the first request. */
const ORIGIN_URL = 'http://127.0.0.1:9';

/** The processes that a process has started, directly or indirectly (Linux). */
async function descendantsOf(pid: number): Promise<number[]> {
  const all = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name)).map(Number);
  const parents = await Promise.all(all.map(async (child) => [child, await parentOf(child)] as const));
  const below = (parent: number): number[] =>
    parents.filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the command in parentheses, which may contain any characters.
  return stat ? Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) : undefined;
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}

describeWith(['skopeo'], 'local/start.ts without ORIGIN_URL', () => {
  test('prints three commands: the two HEADs are a miss and a hit, and skopeo pulls the sample', async () => {
    const program = startProgram({ PORT: String(await freePort()) });
    const edge = await whenReady(program);
    await program.waitFor(/^ {2}skopeo .+$/m);
    const commands = program.stdout().match(/^ {2}(?:curl|skopeo) .+$/gm) ?? [];
    expect(commands).toHaveLength(3);

    const [first = '', second = '', third = ''] = commands.map((command) => command.trim());
    expect([first, second]).toEqual([expect.stringMatching(/^curl -I http:/), first]);
    const url = first.slice('curl -I '.length);
    expect(url).toContain(edge.url);
    expect((await head(url)).headers['cache-status']).toContain('fwd=miss');
    expect((await head(url)).headers['cache-status']).toContain('; hit;');

    const folder = join(await temporaryFolder(), 'sample');
    const [, ...args] = third.replace(/ dir:\S+$/, ` dir:${folder}`).split(' ');
    expect(await skopeo(...args)).toMatchObject(SUCCESS);
    expect(await readdir(folder)).toContain('manifest.json');
    await program.stop();
    expect(program.stdout().trimEnd()).toMatch(/\d+ requests, \d+ of them hits .+ saved$/);
  });
});

describeWith([], 'local/start.ts', () => {
  test('with ADMIN_TOKEN, prints where the page for operators is, and not the token', async () => {
    const program = startProgram({ PORT: '0', ORIGIN_URL, ADMIN_TOKEN: 'the-operators-token' });
    const [, page = ''] = await program.waitFor(/^the page for operators is (\S+)$/m);
    expect((await head(page)).status).toBe(200);
    expect(program.stdout()).not.toContain('the-operators-token');
  });

  test('with --config, takes the variables of that file which the environment does not set', async () => {
    const program = startProgram({ ORIGIN_URL, PORT: '0' }, [
      '--config',
      inProject('examples/worldwide/wrangler.toml'),
    ]);
    await whenReady(program);
    expect(program.stdout()).toContain(
      `in front of ${ORIGIN_URL}/\ndescriptors in kv, CLIENT_AUTH=anonymous, PRESET=quay`,
    );
  });

  test('a port in use: exits with a failure and one sentence that names the port', async () => {
    const { port } = new URL(await listen(createServer()));

    const program = startProgram({ ORIGIN_URL, PORT: port });

    expect((await program.exited).code).toBeGreaterThan(0);
    expect(program.stderr().trim()).toMatch(new RegExp(`^Port ${port} .+\\.$`));
  });

  test('an address that this machine does not have: exits with a failure, and names HOST', async () => {
    const program = startProgram({ ORIGIN_URL, HOST: 'nobody.invalid', PORT: '0' });
    expect((await program.exited).code).toBeGreaterThan(0);
    expect(program.stderr()).toMatch(
      /^Port 0 on nobody\.invalid: this machine cannot listen there\. Set HOST to .+\n$/m,
    );
    expect(program.stderr()).not.toContain('Runtime stderr');
  });

  test('an origin that is the edge itself: exits with a failure, and names the variable with its alias', async () => {
    const port = String(await freePort());
    const loop = `http://127.0.0.1:${port}`;
    const UPSTREAMS = JSON.stringify({ loop: { ORIGIN_URL: loop, HOSTS: 'loop.test' } });
    for (const [variables, name] of [
      [{ ORIGIN_URL: loop }, 'ORIGIN_URL'],
      [{ ORIGIN_URL, UPSTREAMS }, 'UPSTREAMS.loop.ORIGIN_URL'],
    ] as const) {
      const program = startProgram({ ...variables, PORT: port });
      expect((await program.exited).code).toBeGreaterThan(0);
      expect(program.stderr().trim()).toContain(`${name}: ${loop}/ is this edge itself`);
      expect(program.stderr().trim().startsWith(name)).toBe(true);
    }
  });

  test('a bad configuration: exits with a failure, names every bad variable and shows no value', async () => {
    const bad = {
      ORIGIN_URL: 'https://user:hunter2@registry.example.com',
      ORIGIN_TIMEOUT: '0',
      REDIRECT_HOSTS: 'https://bad',
      BLOBDESCRIPTOR: 'redis',
      UPSTASH_REDIS_REST_URL: 'https://default:hunter3@db.example.com',
      UPSTASH_REDIS_REST_TOKEN: 'hunter4 and more',
      DESCRIPTOR_TTL: '1 hour',
      MEMORY_BYTES: '16MB',
      CLIENT_AUTH: 'nobody',
      DELETE_ENABLED: 'yes',
      LOG_LEVEL: 'loud',
    };

    const program = startProgram({ ...bad, PORT: String(await freePort()) });

    expect((await program.exited).code).toBeGreaterThan(0);
    const output = program.stdout() + program.stderr();
    const { BLOBDESCRIPTOR: _valid, ...wrong } = bad;
    for (const name of Object.keys(wrong)) expect(program.stderr()).toMatch(new RegExp(`^ *${name}: expected `, 'm'));
    expect(output).not.toMatch(/hunter[234]/);
    expect(output).not.toMatch(/^ +at /m);
  });

  test.for(['SIGTERM', 'SIGINT'] as const)('%s: exits with 0, frees the port and leaves no child', async (signal) => {
    const port = await freePort();
    const edge = await startEdge({ origin: ORIGIN_URL, backend: 'durable', variables: { PORT: String(port) } });
    expect((await head(`${edge.url}/nothing`)).status).toBe(404);
    const children = await descendantsOf(edge.process.pid);
    expect(children.length).toBeGreaterThan(0);
    expect(await isFree(port)).toBe(false);

    expect(await edge.process.stop(signal)).toEqual({ code: 0, signal: null });

    await until('the children have ended', async () => {
      const alive = await Promise.all(children.map(isAlive));
      return !alive.includes(true);
    });
    await until(`port ${port} is free`, () => isFree(port));
  });
});
