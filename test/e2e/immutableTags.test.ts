import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from './support/cleanup.ts';
import { runClient, SUCCESS } from './support/command.ts';
import { image, publish } from './support/contents.ts';
import { type EdgeUser, makeUser, variablesOf } from './support/edgeUsers.ts';
import { isHit } from './support/hits.ts';
import { basic, request } from './support/http.ts';
import { loginAs } from './support/login.ts';
import { putManifest } from './support/manifests.ts';
import { describeSetups, type Setup, type Started, startSetup } from './support/setups.ts';
import { pulledTree } from './support/tree.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const A = image('A');
const B = image('B');
const VARIABLES = {
  ...{ IMMUTABLE_TAGS: 'v*', TAG_TTL: '1s', DESCRIPTOR_TTL: '1s', PUSH_EXISTENCE_TTL: '1s', STALE_IF_ERROR: '0' },
  PUSH_STALE_WHILE_REVALIDATE: '0',
};
/** Longer than anything may answer about a tag that moves, or about a digest. */
const PAST_WINDOWS_MS = 1_500;
type Env = Readonly<Record<string, string>>;

function immutableTags(setup: Setup): void {
  let started: Started;
  let users: { readonly reader: EdgeUser; readonly pusher: EdgeUser };
  let envs: { readonly reader: Env; readonly pusher: Env };
  beforeAll(async () => {
    const [reader, pusher] = [
      await makeUser('reader', { pull: [NAME] }),
      await makeUser('pusher', { pull: [NAME], push: [NAME] }),
    ];
    users = { reader, pusher };
    started = await startSetup(setup, { ...VARIABLES, ...variablesOf([reader, pusher]) });
    const { host } = started.edge;
    envs = { reader: await loginAs(reader.creds, host), pusher: await loginAs(pusher.creds, host) };
    for (const tag of ['v1', 'latest']) await publish(started.origin.url, NAME, A, tag);
    await publish(started.origin.url, NAME, B, 'b');
    for (const tag of ['v1', 'latest']) await pullA(tag);
  });

  const nameOf = (tag: string) => `${started.edge.host}/${NAME}:${tag}`;
  const readBy = (method: string, tag: string, headers: Env) =>
    request(method, `${started.edge.url}/v2/${NAME}/manifests/${tag}`, {
      headers: { accept: A.mediaType, ...headers },
    });

  async function pullA(tag: string): Promise<void> {
    const folder = join(await temporaryFolder(), 'pulled');
    const pull = ['pull', '--insecure', '--format=oci', nameOf(tag), folder];
    expect(await runClient('crane', pull, envs.reader)).toMatchObject(SUCCESS);
    expect(Object.values(await pulledTree(folder))).toContain(A.manifest.digest.slice('sha256:'.length));
  }

  /** Resolves `v1` with two clients, as the user who pulls and as the one who pushes. */
  async function expectA(): Promise<void> {
    for (const env of Object.values(envs)) {
      const digest = await runClient('crane', ['digest', '--insecure', nameOf('v1')], env);
      expect(digest).toEqual({ code: 0, output: expect.stringContaining(A.manifest.digest) });
      const manifest = { code: 0, output: A.manifest.bytes.toString() };
      expect(await runClient('crane', ['manifest', '--insecure', nameOf('v1')], env)).toEqual(manifest);
      const inspect = ['inspect', '--raw', '--tls-verify=false', `docker://${nameOf('v1')}`];
      expect(await runClient('skopeo', inspect, env)).toEqual(manifest);
    }
  }

  test('skopeo cannot push another image under the tag, and can push the same one', async () => {
    const plain = ['--insecure-policy', 'copy', '--src-tls-verify=false', '--dest-tls-verify=false'];
    const copy = (from: string) =>
      runClient('skopeo', [...plain, `docker://${nameOf(from)}`, `docker://${nameOf('v1')}`], envs.pusher);
    const refused = expect.stringContaining('the tag v1 leads to another manifest, and never moves');
    expect(await copy('b')).toEqual({ code: 1, output: refused });
    expect(await copy('latest')).toMatchObject(SUCCESS);
    await expectA();
  });

  test('the tag is answered to those who may pull while the registry is stopped, and no other tag', async () => {
    await started.origin.stop();
    await setTimeout(PAST_WINDOWS_MS);
    await expectA();
    for (const { headers } of Object.values(users)) {
      for (const method of ['HEAD', 'GET']) expect((await readBy(method, 'latest', headers)).status).toBe(502);
    }
    for (const stranger of [{}, basic('reader', 'a wrong token')]) {
      expect((await readBy('GET', 'v1', stranger)).status).toBe(401);
    }
    await started.origin.start();
  });

  test('a move at the registry is not followed by any client, and the log tells it', async () => {
    expect((await putManifest({ url: started.origin.url, name: NAME, reference: 'v1' }, B)).status).toBe(201);
    await expectA();
    await pullA('v1');
    // Nobody has asked yet for this type alone, so the registry is asked.
    const answer = await readBy('GET', 'v1', users.reader.headers);
    expect([isHit(answer), answer.headers['docker-content-digest']]).toEqual([false, A.manifest.digest]);
    expect(answer.body.equals(A.manifest.bytes)).toBe(true);
    const { process } = started.edge;
    await until('the log tells it', () => /has moved at the origin, which is not followed/.test(process.stdout()));
  });
}

describeSetups(['crane', 'skopeo'], 'tags that never move', immutableTags, [
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'docker-registry', backend: 'durable', clientAuth: 'origin' },
]);
