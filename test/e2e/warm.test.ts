import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './support/cleanup.ts';
import { CLIENTS } from './support/clients.ts';
import { type Outcome, SUCCESS } from './support/command.ts';
import { image, index, publish } from './support/contents.ts';
import { type Edge, PATIENT, startEdge } from './support/edge.ts';
import { ask, HIT, pathsOf } from './support/hits.ts';
import { makeImage } from './support/image.ts';
import { inProject } from './support/project.ts';
import { startCountingProxy } from './support/proxy.ts';
import { startRegistry, USER_CREDS, USER_HEADERS } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { startTokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
const ADMIN_TOKEN = 'warm-admin-token-1';
const MIRROR = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', ADMIN_TOKEN, ...PATIENT };

/** Runs `npm run warm`, without npm. */
function warm({ url }: Edge, args: readonly string[], env: Record<string, string> = { ADMIN_TOKEN }): Promise<Outcome> {
  const options = { env: { PATH: process.env.PATH, EDGE_URL: url, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, [inProject('local/warm.ts'), ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr });
    });
  });
}

/** A folder with docker's configuration, as `docker login` leaves it. */
async function dockerConfig({ host }: Edge): Promise<{ DOCKER_CONFIG: string }> {
  const folder = await temporaryFolder();
  const auths = { [host]: { auth: Buffer.from(USER_CREDS).toString('base64') } };
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths }));
  return { DOCKER_CONFIG: folder };
}

describeWith(['registry', 'crane', 'oras', 'regctl', 'skopeo'], 'npm run warm', () => {
  test.for(CLIENTS)('of an open mirror: $name then gets all but the bytes of blobs from the edge', async (client) => {
    const origin = await startRegistry({ kind: 'registry' });
    const proxy = await startCountingProxy(origin.url);
    const edge = await startEdge({ origin: proxy.url, backend: 'durable', variables: MIRROR });
    const contents = [image('warm one'), index('warm two')];
    for (const [position, content] of contents.entries()) await publish(origin.url, NAME, content, `v${position}`);
    const list = join(await temporaryFolder(), 'images');
    await writeFile(list, `# all of them\n${NAME}:v1\n\n${NAME}:v0\n`);
    const warmed = await warm(edge, ['--file', list, `${NAME}:v0`]);
    expect(warmed).toMatchObject(SUCCESS);
    expect(warmed.output).toContain('2 of 2 images, 4 manifests');
    const before = proxy.requests.length;
    for (const tag of ['v0', 'v1']) expect(await client.pull(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
    const left = proxy.requests.slice(before).filter((sent) => !/^GET .+\/blobs\/sha256:\w+$/.test(sent));
    expect(left.filter((sent) => !/^HEAD .+\/manifests\/v[01]$/.test(sent))).toEqual([]);
  });

  test('asks for nothing again, names what failed, and says so by its exit code', async () => {
    const origin = await startRegistry({ kind: 'registry' });
    const proxy = await startCountingProxy(origin.url);
    const edge = await startEdge({ origin: proxy.url, backend: 'durable', variables: MIRROR });
    await publish(origin.url, NAME, index('warm again'), 'v1');
    expect(await warm(edge, [`${NAME}:v1`, '--platform', 'linux/amd64'])).toMatchObject(SUCCESS);
    const before = proxy.requests.length;
    const again = await warm(edge, [`${NAME}:v1`, `${NAME}:none`, '--platform', 'linux/amd64']);
    expect([again.code, proxy.requests.slice(before)]).toEqual([1, [`GET /v2/${NAME}/manifests/none`]]);
    expect(again.output).toContain(`${NAME}:none: the origin answered 404 for /v2/${NAME}/manifests/none`);
    expect(again.output).toContain('2 of 2 images (1 failed), ');
    expect(again.output).toContain('(2 known, 0 stored)');
  });

  test.for(['a password', 'a token'] as const)(
    'where the origin judges callers by %s: pulls with the login of docker, which then has hits',
    async (how) => {
      const tokens = how === 'a token' ? await startTokenServer('ES256', (given) => given !== null) : undefined;
      const origin = await startRegistry({ kind: 'registry', ...(tokens ? { tokens } : { guarded: true }) });
      const variables = {
        ADMIN_TOKEN,
        ...PATIENT,
        ...(tokens && {
          TOKEN_JWKS: tokens.jwks,
          TOKEN_ISSUER: tokens.auth.issuer,
          TOKEN_SERVICE: tokens.auth.service,
        }),
      };
      const edge = await startEdge({ origin: origin.url, backend: 'durable', variables });
      const pushed = await makeImage(`warm by ${how}`);
      await expectPush(pushed, `${origin.host}/${NAME}:v1`, USER_CREDS);
      const warmed = await warm(edge, [`${NAME}:v1`], { ADMIN_TOKEN, ...(await dockerConfig(edge)) });
      expect(warmed).toMatchObject(SUCCESS);
      const headers = tokens
        ? { authorization: `Bearer ${await tokens.issue(`repository:${NAME}:pull`)}` }
        : USER_HEADERS;
      const blobs = pathsOf(NAME, pushed).filter((path) => path.includes('/blobs/'));
      for (const path of blobs) expect([path, await ask(edge.url + path, headers)]).toEqual([path, HIT]);
      const stranger = await warm(edge, [`${NAME}:v1`], { DOCKER_CONFIG: await temporaryFolder() });
      expect([stranger.code, stranger.output]).toEqual([1, expect.stringMatching(/answered 401/)]);
    },
  );
});
