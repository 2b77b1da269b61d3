import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { isHit } from './support/hits.ts';
import { head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPull, expectPush } from './support/skopeo.ts';
import { describeBackends } from './support/tools.ts';

describeBackends(['docker-registry', 'skopeo'], 'DELETE /v2/<name>/blobs/<digest>', (backend) => {
  let origin: Registry;
  let edge: Edge;
  let image: Image;
  let path: string;
  beforeAll(async () => {
    origin = await startRegistry();
    edge = await startEdge({ origin: origin.url, backend });
    image = await makeImage(`delete ${backend}`);
    path = `/v2/team/app/blobs/${image.layers[0].digest}`;
    for (const name of ['team/app', 'team/other']) await expectPush(image, `${edge.host}/${name}:v1`);
  });

  test('the next HEAD of a warm blob is a 404, at the edge and at the origin', async () => {
    await head(edge.url + path);
    expect(isHit(await head(edge.url + path))).toBe(true);

    expect((await request('DELETE', edge.url + path)).status).toBe(202);

    expect((await head(edge.url + path)).status).toBe(404);
    expect((await head(origin.url + path)).status).toBe(404);
  });

  test('another repository keeps the blob', async () => {
    expect((await head(`${edge.url}${path.replace('/app/', '/other/')}`)).status).toBe(200);
  });

  test('after a new push through the edge, the blob exists and the image can be pulled', async () => {
    await expectPush(image, `${edge.host}/team/app:v1`);

    const { status, headers } = await head(edge.url + path);
    expect([status, headers['content-length']]).toEqual([200, String(image.layers[0].bytes.length)]);
    expect((await head(origin.url + path)).status).toBe(200);
    await expectPull(`${edge.host}/team/app:v1`, image);
  });
});
