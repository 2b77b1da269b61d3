import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from './support/cleanup.ts';
import { CLIENTS } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { type Content, DOCKER, image, type Layout, layoutOf, OCI, publish } from './support/contents.ts';
import { isHit } from './support/hits.ts';
import { contentHeaders, request } from './support/http.ts';
import { startUntouched } from './support/hubs/untouched.ts';
import { makeImage } from './support/image.ts';
import { containerd, startContainerd } from './support/journeys/containerd.ts';
import { newPodman, podman } from './support/journeys/podman.ts';
import { PUSHERS } from './support/pushers.ts';
import { type Name, SEVERAL, type Several, startSeveral } from './support/several.ts';
import { describeWith } from './support/tools.ts';
import { pulledTree } from './support/tree.ts';

const REPOSITORY = 'team/app';
/** Each registry has another image, under the same name and tag. */
const CONTENTS = Object.fromEntries(SEVERAL.map(({ name }) => [name, image(name)])) as Record<Name, Content>;
const LIMIT_MS = 60_000;
const ACCEPT = { accept: OCI.manifest };
const WITH_CLIENTS = SEVERAL.flatMap((registry) =>
  CLIENTS.map((client) => ({ ...registry, client: client.name, by: client })),
);
const TOOLS = [
  'containerd',
  'crane',
  'ctr',
  'docker-registry',
  'oras',
  'podman',
  'regctl',
  'registry',
  'skopeo',
] as const;

describeWith(TOOLS, 'three registries behind one edge', () => {
  let several: Several;
  beforeAll(async () => {
    several = await startSeveral();
    for (const { name } of SEVERAL) {
      await publish(several.registries[name].url, REPOSITORY, CONTENTS[name], 'latest');
    }
  });

  /** Returns each way to ask for a path at a registry: by its host, by a prefix, and by `?ns=`. */
  function waysTo(name: Name, path: string): string[] {
    return [
      `http://${several.hostOf(name)}/v2/${path}`,
      `http://${several.prefixOf(name).replace('/', '/v2/')}/${path}`,
      `${several.edge.url}/v2/${path}?ns=${several.nsOf(name)}`,
    ];
  }

  test.for(SEVERAL)('$what, by host, prefix and ns: what it says and has, cold and warm', async ({ name }) => {
    const { manifest, blobs } = CONTENTS[name];
    const paths = [
      ['GET', `${REPOSITORY}/manifests/latest`],
      ['GET', `${REPOSITORY}/manifests/${manifest.digest}`],
      ['HEAD', `${REPOSITORY}/manifests/${manifest.digest}`],
      ...blobs.flatMap(({ digest }) => [
        ['HEAD', `${REPOSITORY}/blobs/${digest}`],
        ['GET', `${REPOSITORY}/blobs/${digest}`],
      ]),
    ] as const;
    for (const [method = '', path = ''] of paths) {
      const direct = await request(method, `${several.registries[name].url}/v2/${path}`, { headers: ACCEPT });
      expect(direct.status).toBe(200);
      for (const url of waysTo(name, path)) {
        const answers = [
          await request(method, url, { headers: ACCEPT }),
          await request(method, url, { headers: ACCEPT }),
        ];
        for (const answer of answers) {
          expect([url, answer.status, answer.body.equals(direct.body)]).toEqual([url, 200, true]);
          expect(contentHeaders(answer), url).toEqual(contentHeaders(direct));
        }
        if (path.includes('sha256') && (method === 'HEAD' || path.includes('manifests'))) {
          expect(answers.map(isHit).at(-1), url).toBe(true);
        }
      }
    }
  });

  test.for(WITH_CLIENTS)('$client pulls from $what, by host and by prefix: the same bytes', async ({ name, by }) => {
    const direct = await by.pull(`${several.registries[name].host}/${REPOSITORY}:latest`);
    expect(direct).toMatchObject(SUCCESS);
    for (const host of [several.hostOf(name), several.prefixOf(name)]) {
      const pulled = await by.pull(`${host}/${REPOSITORY}:latest`);
      expect(pulled, host).toMatchObject(SUCCESS);
      expect(await pulledTree(pulled.folder), host).toEqual(await pulledTree(direct.folder));
    }
  });

  test('containerd pulls from each by its ns, through one mirror', { timeout: LIMIT_MS }, async () => {
    const folder = await temporaryFolder();
    const hosts = `[host."${several.edge.url}"]\ncapabilities = ["pull", "resolve"]\n`;
    for (const { name } of SEVERAL) {
      await mkdir(join(folder, several.nsOf(name)));
      await writeFile(join(folder, several.nsOf(name), 'hosts.toml'), hosts);
    }
    const ctr = await startContainerd();
    for (const { name } of SEVERAL) {
      const reference = `${several.nsOf(name)}/${REPOSITORY}:latest`;
      const pulled = await ctr('images', 'pull', '--snapshotter', 'native', '--hosts-dir', folder, reference);
      expect(pulled).toMatchObject(SUCCESS);
      const { output } = await ctr('images', 'list', `name==${reference}`);
      expect(output).toContain(CONTENTS[name].manifest.digest);
    }
  });

  test('podman pulls from each by its host, and by prefix from a mirror', { timeout: LIMIT_MS }, async () => {
    const config = join(await temporaryFolder(), 'registries.conf');
    const mirrors = SEVERAL.map(
      ({ name }) =>
        `[[registry]]\nlocation = "${several.nsOf(name)}"\n[[registry.mirror]]\nlocation = "${several.prefixOf(name)}"\ninsecure = true\n`,
    );
    await writeFile(config, mirrors.join(''));
    for (const { name } of SEVERAL) {
      const run = await newPodman({ env: { CONTAINERS_REGISTRIES_CONF: config } });
      for (const host of [several.hostOf(name), several.nsOf(name)]) {
        expect(await run('pull', '--tls-verify=false', `${host}/${REPOSITORY}:latest`)).toMatchObject(SUCCESS);
        const { output } = await run('inspect', '--format', '{{.Digest}}', `${host}/${REPOSITORY}:latest`);
        expect(output.trim()).toBe(CONTENTS[name].manifest.digest);
      }
    }
  });

  test.for([containerd, podman])(
    '$name pushes to each by its host, and pulls it',
    { timeout: LIMIT_MS },
    async (engine) => {
      const session = await engine.open({ env: {} });
      const pushed = await makeImage(`pushed by ${engine.name}`);
      await session.load(pushed);
      for (const { name } of SEVERAL) {
        const reference = `${several.hostOf(name)}/engines/${engine.name}:v1`;
        expect(await session.push(pushed, reference), name).toMatchObject(SUCCESS);
        const path = `/v2/engines/${engine.name}/manifests/v1`;
        const [direct, through] = await Promise.all(
          [several.registries[name].url, `http://${several.hostOf(name)}`].map((url) =>
            request('GET', url + path, { headers: { accept: `${OCI.manifest}, ${DOCKER.manifest}` } }),
          ),
        );
        expect([direct?.status, through?.body]).toEqual([200, direct?.body]);
        expect(await session.pull(reference), name).toMatchObject(SUCCESS);
      }
    },
  );

  test.for(PUSHERS)(
    '$name pushes to each by its host, and copies from one to another',
    { timeout: LIMIT_MS },
    async (by) => {
      const layout: Layout = await layoutOf(image(`pushed by ${by.name}`));
      const nameOf = (name: Name) => `${several.hostOf(name)}/pushed-by-${by.name.toLowerCase()}`;
      const has = async (name: Name, tag: string) => {
        const path = `/v2/pushed-by-${by.name.toLowerCase()}/manifests/${tag}`;
        const answer = await request('GET', several.registries[name].url + path, { headers: ACCEPT });
        return answer.body.equals(layout.manifest.bytes);
      };
      for (const { name } of SEVERAL) {
        expect(await by.push(layout, `${nameOf(name)}:v1`), name).toMatchObject(SUCCESS);
        expect(await has(name, 'v1'), name).toBe(true);
      }
      const copied = await layoutOf(image(`copied by ${by.name}`));
      expect(await by.push(copied, `${nameOf('three')}:copied`)).toMatchObject(SUCCESS);
      expect(await has('two', 'copied')).toBe(false);
      expect(await by.copy(copied, `${nameOf('three')}:copied`, `${nameOf('two')}:copied`)).toMatchObject(SUCCESS);
      const path = `/v2/pushed-by-${by.name.toLowerCase()}/manifests/copied`;
      const answer = await request('GET', several.registries.two.url + path, { headers: ACCEPT });
      expect(answer.body.equals(copied.manifest.bytes)).toBe(true);
    },
  );

  test('a host, a prefix and an ns that are not listed are a 404, and nobody is asked', async () => {
    const untouched = await startUntouched();
    const { host } = new URL(untouched.url);
    for (const [url, headers] of [
      [`${several.edge.url}/v2/${REPOSITORY}/manifests/latest`, { host }],
      [`${several.edge.url}/v2/${REPOSITORY}/manifests/latest?ns=${host}`, {}],
      [`${several.edge.url}/v2/${host.replace(/[.:]/g, '-')}/${REPOSITORY}/manifests/latest`, {}],
      [`${several.edge.url}/v2/${REPOSITORY}/manifests/latest`, {}],
      [`${several.edge.url}/v2/mirror/${REPOSITORY}/manifests/latest`, {}],
    ] as const) {
      const { status, body } = await request('GET', url, { headers: { ...ACCEPT, ...headers } });
      expect([url, status, JSON.parse(String(body)).errors[0].code]).toEqual([url, 404, 'NAME_UNKNOWN']);
    }
    expect(untouched.connections()).toBe(0);
  });

  test('a host that several share answers /v2/ by itself', async () => {
    expect((await request('GET', `${several.edge.url}/v2/`)).status).toBe(200);
  });
});
