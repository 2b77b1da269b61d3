import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { temporaryFolder } from './support/cleanup.ts';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { image } from './support/contents.ts';
import { startEdge } from './support/edge.ts';
import { type Hub, startHub } from './support/hubs/hub.ts';
import { startContainerd } from './support/journeys/containerd.ts';
import { startDocker } from './support/journeys/docker.ts';
import { newPodman } from './support/journeys/podman.ts';
import { run } from './support/process.ts';
import { inProject } from './support/project.ts';
import { describeWith, findTool, type Tool } from './support/tools.ts';
import { until } from './support/until.ts';

const LIMIT_MS = 60_000;
const IMAGE = 'docker.io/library/busybox:latest';
const exampleOf = (path: string) => inProject('examples/clients', path);

interface Example {
  readonly client: string;
  /** Pulls the image, with the file as it stands. */
  pull(): Promise<Outcome>;
}

const EXAMPLES: readonly Example[] = [
  {
    client: 'containerd/hosts.toml',
    async pull() {
      const hosts = await temporaryFolder();
      await mkdir(join(hosts, 'docker.io'));
      await cp(exampleOf('containerd/hosts.toml'), join(hosts, 'docker.io/hosts.toml'));
      const ctr = await startContainerd();
      return ctr('images', 'pull', '--snapshotter', 'native', '--hosts-dir', hosts, IMAGE);
    },
  },
  {
    client: 'docker/daemon.json',
    async pull() {
      const docker = await startDocker({ env: {} }, ['--config-file', exampleOf('docker/daemon.json')]);
      return docker('pull', IMAGE);
    },
  },
  {
    client: 'podman/registries.conf',
    async pull() {
      const podman = await newPodman({ env: { CONTAINERS_REGISTRIES_CONF: exampleOf('podman/registries.conf') } });
      return podman('pull', 'busybox');
    },
  },
  { client: 'buildkit/buildkitd.toml', pull: buildFrom },
];

const TOOLS: readonly Tool[] = ['buildctl', 'buildkitd', 'containerd', 'ctr', 'docker', 'dockerd', 'podman'];

describeWith(['docker', 'dockerd'], 'the first example of the README, as it stands', () => {
  test('is a mirror of Docker Hub, through which docker pulls', { timeout: LIMIT_MS }, async () => {
    const readme = await readFile(inProject('README.md'), 'utf8');
    const [, started = ''] = /^```sh\n(.*?)^```/ms.exec(readme) ?? [];
    const [, tried = ''] = /^```console\n(.*?)^```/ms.exec(readme) ?? [];
    expect([started, tried]).toEqual([
      'npm install\nPRESET=docker-hub npm start\n',
      '$ docker pull localhost:8787/busybox\n',
    ]);
    const hub = await startHub({ contents: { 'library/busybox': image('busybox') } });
    // What `npm start` does, in front of the stand-in.
    const variables = { ...hub.variables, PRESET: 'docker-hub', PORT: '8787' };
    const edge = await startEdge({ origin: hub.registry.url, backend: 'durable', variables });
    for (let n = 0; n < 2; n++) {
      const docker = await startDocker({ env: {} });
      expect(await docker('pull', 'localhost:8787/busybox')).toMatchObject(SUCCESS);
    }
    expect(hub.pulls()).toBe(1);
    await edge.process.waitFor(/^200 GET {4}\/v2\/library\/busybox\/manifests\/.+ registry-edge; hit; detail=/m);
  });
});

describeWith(TOOLS, 'each file in examples/clients, as it stands', () => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub({ contents: { 'library/busybox': image('busybox') } });
    // Where `npm start` listens.
    const variables = { ...hub.variables, PRESET: 'docker-hub', TAG_TTL: '0', PORT: '8787' };
    await startEdge({ origin: hub.registry.url, backend: 'durable', variables });
  });

  test.for(EXAMPLES)('$client: the client pulls from the mirror', { timeout: LIMIT_MS }, async ({ pull }) => {
    const [asked, stored] = [hub.registry.received.length, hub.storage.received.length];
    expect(await pull()).toMatchObject(SUCCESS);
    const requests = hub.registry.received.slice(asked);
    expect(requests.some(({ path }) => path.startsWith('/v2/library/busybox/manifests/'))).toBe(true);
    for (const { headers } of requests) expect(headers['user-agent']).toBe(`registry-edge/${manifest.version}`);
    expect(hub.storage.received.length).toBeGreaterThan(stored);
  });

  test('k3s/registries.yaml names the same mirror', async () => {
    const [yaml, json] = await Promise.all(
      ['k3s/registries.yaml', 'docker/daemon.json'].map((path) => readFile(exampleOf(path), 'utf8')),
    );
    const { 'registry-mirrors': mirrors } = JSON.parse(json ?? '');
    expect(yaml?.replace(/^#.*\n/, '')).toBe(`mirrors:\n  docker.io:\n    endpoint:\n      - "${mirrors[0]}"\n`);
  });
});

/** Builds an image from the one of Docker Hub. */
async function buildFrom(): Promise<Outcome> {
  const [folder, context] = [await temporaryFolder(), await temporaryFolder()];
  const address = `unix://${folder}/socket`;
  const worker = ['--oci-worker-snapshotter=native', '--oci-worker-binary=crun', '--oci-worker-net=host'];
  const own = ['--root', `${folder}/root`, '--addr', address, '--containerd-worker=false', ...worker];
  run(findTool('buildkitd') ?? 'buildkitd', ['--config', exampleOf('buildkit/buildkitd.toml'), ...own]);
  const buildctl = (...args: string[]) => runClient('buildctl', ['--addr', address, ...args]);
  await until('buildkitd answers', async () => (await buildctl('debug', 'workers')).code === 0);
  await writeFile(join(context, 'Dockerfile'), 'FROM busybox\nCOPY Dockerfile /\n');
  const locals = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
  return buildctl('build', '--frontend', 'dockerfile.v0', ...locals, '--output', `type=oci,dest=${folder}/image.tar`);
}
