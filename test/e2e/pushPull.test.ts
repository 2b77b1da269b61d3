import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { makeImage } from './support/image.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { pull, push, SUCCESS } from './support/skopeo.ts';
import { storedBy } from './support/storage.ts';
import { describeBackends, describeWith } from './support/tools.ts';
import { pulledTreeOf, treeOf } from './support/tree.ts';

describeBackends(['docker-registry', 'skopeo'], 'skopeo copy through the edge', (backend) => {
  let origin: Registry;
  let reference: Registry;
  let edge: Edge;
  beforeAll(async () => {
    origin = await startRegistry();
    reference = await startRegistry();
    edge = await startEdge({ origin: origin.url, backend });
  });

  test('push: the origin holds the same content as after a push without the edge', async () => {
    const image = await makeImage(`push ${backend}`);

    expect(await push(image.source, `${edge.host}/team/app:v1`)).toMatchObject(SUCCESS);
    expect(await push(image.source, `${reference.host}/team/app:v1`)).toMatchObject(SUCCESS);

    // An upload's Location that named the origin would lead the client past the edge.
    expect(edge.process.stdout()).toMatch(/^202 PATCH +\/v2\/team\/app\/blobs\/uploads\//m);
    expect(edge.process.stdout()).toMatch(/^201 PUT +\/v2\/team\/app\/blobs\/uploads\//m);
    const content = await storedBy(origin);
    expect(Object.keys(content).length).toBeGreaterThan(10);
    expect(content).toEqual(await storedBy(reference));
  });

  test('pull: the bytes equal those that were pushed and those that the origin gives', async () => {
    const image = await makeImage(`pull ${backend}`);
    expect(await push(image.source, `${origin.host}/team/pulled:v1`)).toMatchObject(SUCCESS);

    const throughEdge = await pull(`${edge.host}/team/pulled:v1`);
    const direct = await pull(`${origin.host}/team/pulled:v1`);

    expect(throughEdge).toMatchObject(SUCCESS);
    expect(direct).toMatchObject(SUCCESS);
    expect(await treeOf(throughEdge.folder)).toMatchObject(pulledTreeOf(image));
    expect(await treeOf(throughEdge.folder)).toEqual(await treeOf(direct.folder));
  });

  test('push again with a warm cache: succeeds, changes nothing, and a pull gives the same', async () => {
    const image = await makeImage(`again ${backend}`);
    expect(await push(image.source, `${edge.host}/team/again:v1`)).toMatchObject(SUCCESS);
    const before = await storedBy(origin);

    for (const tag of ['v1', 'v1']) {
      expect(await push(image.source, `${edge.host}/team/again:${tag}`)).toMatchObject(SUCCESS);
    }

    expect(edge.process.stdout()).toContain(
      `registry-edge; hit; detail=${backend === 'inmemory' ? 'memory' : backend}`,
    );
    expect(await storedBy(origin)).toEqual(before);
    const pulled = await pull(`${edge.host}/team/again:v1`);
    expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(image));
  });
});

describeWith(['docker-registry', 'skopeo'], 'skopeo copy of a layer of 50 MB through the edge', () => {
  test('push and pull: it arrives intact', async () => {
    const origin = await startRegistry();
    const edge = await startEdge({ origin: origin.url, backend: 'kv' });
    const image = await makeImage('large', [50_000_000]);
    expect(image.layers[0].bytes.length).toBeGreaterThan(50_000_000);

    expect(await push(image.source, `${edge.host}/large:v1`)).toMatchObject(SUCCESS);
    const pulled = await pull(`${edge.host}/large:v1`);

    expect(pulled).toMatchObject(SUCCESS);
    expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(image));
  });
});
