import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { makeImage } from './support/image.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPull, expectPush } from './support/skopeo.ts';
import { storedBy } from './support/storage.ts';
import { describeBackends, describeWith } from './support/tools.ts';
import { treeOf } from './support/tree.ts';

describeBackends(['docker-registry', 'skopeo'], 'skopeo copy through the edge', (backend) => {
  let origin: Registry;
  let reference: Registry;
  let edge: Edge;
  beforeAll(async () => {
    origin = await startRegistry();
    reference = await startRegistry();
    edge = await startEdge({ origin: origin.url, backend });
  });

  test('a push leaves the same content at the origin as a push without the edge', async () => {
    const image = await makeImage(`push ${backend}`);

    await expectPush(image, `${edge.host}/team/app:v1`);
    await expectPush(image, `${reference.host}/team/app:v1`);

    // If an upload's Location named the origin, the client would bypass the edge.
    expect(edge.process.stdout()).toMatch(/^202 PATCH +\/v2\/team\/app\/blobs\/uploads\//m);
    expect(edge.process.stdout()).toMatch(/^201 PUT +\/v2\/team\/app\/blobs\/uploads\//m);
    const content = await storedBy(origin);
    expect(Object.keys(content).length).toBeGreaterThan(10);
    expect(content).toEqual(await storedBy(reference));
  });

  test('a pull brings the bytes that were pushed, exactly as a pull from the origin does', async () => {
    const image = await makeImage(`pull ${backend}`);
    await expectPush(image, `${origin.host}/team/pulled:v1`);

    const throughEdge = await expectPull(`${edge.host}/team/pulled:v1`, image);
    const direct = await expectPull(`${origin.host}/team/pulled:v1`, image);

    expect(await treeOf(throughEdge)).toEqual(await treeOf(direct));
  });

  test('a second push through a warm edge succeeds and changes nothing, and a pull brings the same bytes', async () => {
    const image = await makeImage(`again ${backend}`);
    await expectPush(image, `${edge.host}/team/again:v1`);
    const before = await storedBy(origin);

    for (const tag of ['v1', 'v1']) await expectPush(image, `${edge.host}/team/again:${tag}`);

    expect(edge.process.stdout()).toContain(
      `registry-edge; hit; detail=${backend === 'inmemory' ? 'memory' : backend}`,
    );
    expect(await storedBy(origin)).toEqual(before);
    await expectPull(`${edge.host}/team/again:v1`, image);
  });
});

describeWith(['docker-registry', 'skopeo'], 'skopeo copy of a layer of 50 MB through the edge', () => {
  test('the layer arrives intact in a push and in a pull', async () => {
    const origin = await startRegistry();
    const edge = await startEdge({ origin: origin.url, backend: 'durable' });
    const image = await makeImage('large', [50_000_000]);
    expect(image.layers[0].bytes.length).toBeGreaterThan(50_000_000);

    await expectPush(image, `${edge.host}/large:v1`);
    await expectPull(`${edge.host}/large:v1`, image);
  });
});
