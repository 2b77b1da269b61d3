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

const manifestPath = (name: string, reference: string) => `/v2/${name}/manifests/${reference}`;
const byDigest = ({ manifest }: Content) => manifestPath(NAME, manifest.digest);

function deletes(setup: Setup): void {
  let origin: Registry;
  let edge: Edge;
  beforeAll(async () => {
    ({ origin, edge } = await startSetup(setup));
  });

  /** Publishes an image in two repositories and under two tags, and has the edge cache all that it may of the first. */
  async function publishWarm(seed: string): Promise<Content> {
    const content = image(`${seed} ${setup.kind} ${setup.backend}`);
    for (const name of [NAME, OTHER]) {
      for (const tag of TAGS) await publish(origin.url, name, content, tag);
    }
    await warm(edge, [...content.blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`), byDigest(content)]);
    for (const path of [byDigest(content), ...TAGS.map((tag) => manifestPath(NAME, tag))]) await statuses('GET', path);
    return content;
  }

  /** @returns the edge's status, then the origin's */
  async function statuses(method: string, path: string): Promise<number[]> {
    const answers = [];
    for (const { url } of [edge, origin]) {
      answers.push(await request(method, url + path, { headers: { accept: OCI.manifest } }));
    }
    return answers.map(({ status }) => status);
  }

  /** Expects this status of every path, at the edge and at the origin. */
  async function expectStatuses(status: number, ...paths: string[]): Promise<void> {
    for (const path of paths) {
      for (const method of ['HEAD', 'GET', 'HEAD']) {
        expect([method, path, await statuses(method, path)]).toEqual([method, path, [status, status]]);
      }
    }
  }

  test('blob: 404 at once, and another repository keeps it', async () => {
    const { blobs } = await publishWarm('a blob');
    const [config, layer] = blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`) as [string, string];

    expect((await request('DELETE', edge.url + layer)).status).toBe(202);

    await expectStatuses(404, layer);
    await expectStatuses(200, config, layer.replace(NAME, OTHER));
  });

  test('manifest by its digest: 404 at once, also by each of its tags', async () => {
    const content = await publishWarm('a manifest');
    const paths = [byDigest(content), ...TAGS.map((tag) => manifestPath(NAME, tag))];
    expect(await ask(edge.url + byDigest(content))).toEqual(HIT);

    expect((await request('DELETE', edge.url + byDigest(content))).status).toBe(202);

    await expectStatuses(404, ...paths);
    await expectStatuses(200, manifestPath(OTHER, content.manifest.digest), manifestPath(OTHER, 'v1'));
  });

  test('manifest that is pushed again through the edge: 200 at once', async () => {
    const content = await publishWarm('a manifest that comes back');
    expect((await request('DELETE', edge.url + byDigest(content))).status).toBe(202);
    await expectStatuses(404, byDigest(content));

    await publish(edge.url, NAME, content, 'v1');

    await expectStatuses(200, byDigest(content), manifestPath(NAME, 'v1'));
  });

  test('tag: 404 at once and for the tag alone, or the refusal of a registry that deletes no tags', async () => {
    const content = await publishWarm('a tag');
    const [first, second] = TAGS.map((tag) => manifestPath(NAME, tag)) as [string, string];
    const deleted = await request('DELETE', edge.url + first);

    if (setup.kind === 'registry') {
      expect(deleted.status).toBe(202);
      await expectStatuses(404, first);
    } else {
      const direct = await request('DELETE', origin.url + first);
      expect(direct.status).toBeGreaterThanOrEqual(400);
      expect([deleted.status, deleted.body.toString()]).toEqual([direct.status, direct.body.toString()]);
      expect(deleted.headers['content-type']).toBe(direct.headers['content-type']);
      await expectStatuses(200, first);
    }
    await expectStatuses(200, second, byDigest(content));
  });
}

describeSetups([], 'DELETE of a warm', deletes, SETUPS);
