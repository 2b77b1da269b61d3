import { beforeAll, expect, test } from 'vitest';
import { type Edge, PATIENT, startEdge } from './support/edge.ts';
import { ask, HIT, pathsOf } from './support/hits.ts';
import { head } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { type ObjectStorage, startObjectStorage } from './support/objectStorage.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPull, expectPush } from './support/skopeo.ts';
import { startTokenServer, type TokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const LAYERS = [400, 900, 100_000, 300_000];

describeWith(['registry', 'skopeo'], 'a registry that redirects HEADs and GETs of blobs to object storage', () => {
  let tokens: TokenServer;
  let storage: ObjectStorage;
  let origin: Registry;
  let proxy: CountingProxy;
  let edge: Edge;
  let image: Image;
  let paths: string[];
  beforeAll(async () => {
    tokens = await startTokenServer('ES256');
    storage = await startObjectStorage();
    origin = await startRegistry({ kind: 'registry', tokens, redirectsTo: storage.url });
    storage.serve(origin.root);
    proxy = await startCountingProxy(origin.url);
    edge = await startEdge({ origin: proxy.url, backend: 'durable', variables: PATIENT });
    image = await makeImage('redirects', LAYERS);
    await expectPush(image, `${origin.host}/${NAME}:v1`);
    paths = pathsOf(NAME, image);
  });
  const bearer = async (scope = `repository:${NAME}:pull`) => ({
    authorization: `Bearer ${await tokens.issue(scope)}`,
  });
  const countHeads = (path: string) => proxy.count('HEAD', path) + proxy.count('GET', path);

  test('it redirects a HEAD as well as a GET', async () => {
    const { status, headers } = await head(`${origin.url}${paths[0]}`, await bearer());
    expect([status, headers.location]).toEqual([307, expect.stringContaining(storage.url)]);
  });

  test('the first HEADs of a small blob show the edge that the storage is the origin’s', async () => {
    const [path = ''] = paths;
    const caller = await bearer();
    expect(await ask(edge.url + path, caller)).toEqual({ status: 200, isHit: false });
    await until('the storage is examined', async () => (await ask(edge.url + path, caller)).isHit);
    expect(storage.gotCredential).toBe(false);
  });

  test('from then on five HEADs of one blob by a fresh token are one question, one after the other', async () => {
    const path = paths[3] ?? '';
    const caller = await bearer();
    expect(await ask(edge.url + path, caller)).toEqual({ status: 200, isHit: false });
    for (let n = 0; n < 4; n++) expect(await ask(edge.url + path, caller)).toEqual(HIT);
    expect(countHeads(path)).toBe(1);
  });

  test('and together', async () => {
    const path = paths[4] ?? '';
    const caller = await bearer();
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(edge.url + path, caller)));
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200));
    expect(countHeads(path)).toBe(1);
  });

  test('a token for another repository gets what the origin says', async () => {
    for (const path of paths) {
      const { status, headers } = await head(edge.url + path, await bearer('repository:team/other:pull'));
      expect([status, headers['cache-status']]).toEqual([401, undefined]);
    }
  });

  test('an image is pushed again by another process: one HEAD proves its token', async () => {
    await expectPush(image, `${edge.host}/${NAME}:v1`);
    const before = proxy.requests.length;
    await expectPush(image, `${edge.host}/${NAME}:v2`);
    expect(proxy.requests.slice(before).filter((request) => request !== 'GET /v2/')).toEqual([
      expect.stringMatching(`^HEAD /v2/${NAME}/blobs/`),
      `PUT /v2/${NAME}/manifests/v2`,
    ]);
    await expectPull(`${edge.host}/${NAME}:v2`, image);
  });
});
