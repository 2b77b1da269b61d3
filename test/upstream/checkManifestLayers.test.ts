import { expect, it } from 'vitest';
import { acceptAll, descriptorOf, put, watchOrigin } from '../support/commit.ts';
import { createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, newManifest, OCI_MANIFEST, pushManifest } from '../support/pushManifest.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const ROBOT = { authorization: 'Basic cm9ib3Q6c2VjcmV0' };

/** Makes a manifest whose layer is a manifest, which the origin has among its manifests and not among its blobs. */
async function nestedManifest() {
  const layer = await pushManifest();
  const layers = [descriptorOf(layer, { mediaType: OCI_MANIFEST })];
  const bytes = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    layers,
    annotations: { of: layer.digest },
  });
  const manifest = await newManifest({ name: layer.name, bytes });
  await acceptAll(manifest, manifest.digest);
  return { layer, manifest };
}

it('a layer that is a manifest needs no question if it was confirmed as one', async () => {
  const { layer, manifest } = await nestedManifest();
  const edge = createEdge();
  await edge.fetch(layer.path, manifestRequest('HEAD', OCI_MANIFEST, ALICE));
  await earnGrant(edge, layer, ROBOT);
  const asked = await watchOrigin(layer);
  expect((await put(edge, manifest, ROBOT)).status).toBe(201);
  expect(await asked()).toEqual([`PUT ${manifest.digest}`]);
});

it('a layer that is a manifest is asked for if the caller has proved only that it may know of blobs', async () => {
  const { layer, manifest } = await nestedManifest();
  const edge = createEdge();
  await edge.fetch(layer.path, manifestRequest('HEAD', OCI_MANIFEST, ALICE));
  await earnGrant(edge, layer, ROBOT, ['GET blobs']);
  const refused = { method: 'HEAD', status: 403, unlessAuthorization: ALICE.authorization };
  await rig.rule({ prefix: `/v2/${layer.name}/manifests/`, ...refused });
  const asked = await watchOrigin(layer);
  expect((await put(edge, manifest, ROBOT)).status).toBe(201);
  // As a blob, then as a manifest.
  expect(await asked()).toEqual([`HEAD ${layer.digest}`, `HEAD ${layer.digest}`, `PUT ${manifest.digest}`]);
});

it.each([
  [404, 400],
  [403, 201],
  [503, 503],
])(
  'a layer that is no blob, and of which the origin says %i as a manifest, gets the push a %i',
  async (says, status) => {
    const { layer, manifest } = await nestedManifest();
    const edge = createEdge();
    await earnGrant(edge, layer);
    await rig.rule({ prefix: layer.path, method: 'HEAD', status: says });
    expect((await put(edge, manifest)).status).toBe(status);
  },
);
