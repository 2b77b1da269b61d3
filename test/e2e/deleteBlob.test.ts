import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { pull, push, SUCCESS } from './support/skopeo.ts';
import { describeBackends } from './support/tools.ts';
import { pulledTreeOf, treeOf } from './support/tree.ts';

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
    for (const name of ['team/app', 'team/other']) {
      expect(await push(image.source, `${edge.host}/${name}:v1`)).toMatchObject(SUCCESS);
    }
  });

  test('the next HEAD of a warm blob is 404, at the edge as at the origin', async () => {
    await head(edge.url + path);
    expect((await head(edge.url + path)).headers['cache-status']).toContain('; hit;');

    expect((await request('DELETE', edge.url + path)).status).toBe(202);

    expect((await head(edge.url + path)).status).toBe(404);
    expect((await head(origin.url + path)).status).toBe(404);
  });

  test('another repository keeps the blob', async () => {
    expect((await head(`${edge.url}${path.replace('/app/', '/other/')}`)).status).toBe(200);
  });

  test('pushed again through the edge, the blob is there and the image can be pulled', async () => {
    expect(await push(image.source, `${edge.host}/team/app:v1`)).toMatchObject(SUCCESS);

    const { status, headers } = await head(edge.url + path);
    expect([status, headers['content-length']]).toEqual([200, String(image.layers[0].bytes.length)]);
    expect((await head(origin.url + path)).status).toBe(200);
    const pulled = await pull(`${edge.host}/team/app:v1`);
    expect(pulled).toMatchObject(SUCCESS);
    expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(image));
  });
});
