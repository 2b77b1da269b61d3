import { describe, expect, it } from 'vitest';
import { createEdge } from '../support/edge.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, OCI_INDEX, OCI_MANIFEST, pushManifest } from '../support/pushManifest.ts';

const GET = manifestRequest('GET');

describe('an origin that has no HEAD of manifests', () => {
  it.each([405, 501])('and answers %d is asked by GET whether a tag has moved', async (status) => {
    const old = await pushManifest();
    await rig.rule({ prefix: `/v2/${old.name}/manifests/`, method: 'HEAD', status });
    const edge = createEdge({ CLIENT_AUTH: 'anonymous' });
    expect(await (await edge.fetch(old.tagPath, GET)).text()).toBe(old.bytes);
    const moved = await pushManifest({ name: old.name });
    edge.clock.advance(60_000);
    expect(await (await edge.fetch(old.tagPath, GET)).text()).toBe(moved.bytes);
  });

  it.each([405, 501])('and answers %d shows a tag to a caller who accepts other types', async (status) => {
    const manifest = await pushManifest();
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'HEAD', status });
    const edge = createEdge({ CLIENT_AUTH: 'anonymous' });
    for (const accept of [OCI_MANIFEST, `${OCI_INDEX}, ${OCI_MANIFEST}`]) {
      expect((await edge.fetch(manifest.tagPath, manifestRequest('GET', accept))).status).toBe(200);
    }
  });
});
