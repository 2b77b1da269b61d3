import { beforeAll, expect, test } from 'vitest';
import { type Content, image, OCI, publish } from './support/contents.ts';
import type { Edge } from './support/edge.ts';
import { ask, HIT, warm } from './support/hits.ts';
import { request } from './support/http.ts';
import { REGISTRIES, type Registry } from './support/registry.ts';
import { describeSetups, type Setup, startSetup } from './support/setups.ts';
import { BACKENDS } from './support/tools.ts';

const NAME = 'team/app';
const OTHER = 'team/other';
const TAGS = ['v1', 'v2'] as const;

const SETUPS = BACKENDS.flatMap((backend) =>
  REGISTRIES.map((kind): Setup => ({ kind, backend, clientAuth: 'origin' })),
);

const at = (name: string) => `/v2/${name}/manifests/`;
const byDigest = ({ manifest }: Content) => at(NAME) + manifest.digest;

function deletes(setup: Setup): void {
  let origin: Registry;
  let edge: Edge;
  beforeAll(async () => {
    ({ origin, edge } = await startSetup(setup));
  });

  /** An image in two repositories and under two tags; of one of them the edge knows everything that it may know. */
  async function known(seed: string): Promise<Content> {
    const content = image(`${seed} ${setup.kind} ${setup.backend}`);
    for (const name of [NAME, OTHER]) {
      for (const tag of TAGS) await publish(origin.url, name, content, tag);
    }
    await warm(edge, [...content.blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`), byDigest(content)]);
    for (const path of [byDigest(content), ...TAGS.map((tag) => at(NAME) + tag)]) await statuses('GET', path);
    return content;
  }

  /** @returns what the edge says, and then what the origin does */
  async function statuses(method: string, path: string): Promise<number[]> {
    const told = [];
    for (const { url } of [edge, origin]) {
      told.push((await request(method, url + path, { headers: { accept: OCI.manifest } })).status);
    }
    return told;
  }

  async function are(status: number, ...paths: string[]): Promise<void> {
    for (const path of paths) {
      for (const method of ['HEAD', 'GET', 'HEAD']) {
        expect([method, path, await statuses(method, path)]).toEqual([method, path, [status, status]]);
      }
    }
  }

  test('a blob: gone at once, and not in another repository', async () => {
    const { blobs } = await known('a blob');
    const [config, layer] = blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`) as [string, string];

    expect((await request('DELETE', edge.url + layer)).status).toBe(202);

    await are(404, layer);
    await are(200, config, layer.replace(NAME, OTHER));
  });

  test('a manifest by its digest: gone at once, under each of its tags too', async () => {
    const content = await known('a manifest');
    const paths = [byDigest(content), ...TAGS.map((tag) => at(NAME) + tag)];
    expect(await ask(edge.url + byDigest(content))).toEqual(HIT);

    expect((await request('DELETE', edge.url + byDigest(content))).status).toBe(202);

    await are(404, ...paths);
    await are(200, at(OTHER) + content.manifest.digest, `${at(OTHER)}v1`);
  });

  test('a manifest that comes back through the edge: there at once', async () => {
    const content = await known('a manifest that comes back');
    expect((await request('DELETE', edge.url + byDigest(content))).status).toBe(202);
    await are(404, byDigest(content));

    await publish(edge.url, NAME, content, 'v1');

    await are(200, byDigest(content), `${at(NAME)}v1`);
  });

  test('a tag: gone at once and nothing else, or the refusal of a registry that deletes none', async () => {
    const content = await known('a tag');
    const [first, second] = TAGS.map((tag) => at(NAME) + tag) as [string, string];
    const deleted = await request('DELETE', edge.url + first);

    if (setup.kind === 'registry') {
      expect(deleted.status).toBe(202);
      await are(404, first);
    } else {
      const direct = await request('DELETE', origin.url + first);
      expect(direct.status).toBeGreaterThanOrEqual(400);
      expect([deleted.status, deleted.body.toString()]).toEqual([direct.status, direct.body.toString()]);
      expect(deleted.headers['content-type']).toBe(direct.headers['content-type']);
      await are(200, first);
    }
    await are(200, second, byDigest(content));
  });
}

describeSetups([], 'DELETE of a warm', deletes, SETUPS);
