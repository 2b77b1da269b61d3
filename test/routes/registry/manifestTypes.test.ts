import { describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { rig } from '../../support/push.ts';
import {
  manifestRequest,
  newManifest,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
} from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';
import { putOf } from '../../support/uploading.ts';

const OCTETS = 'application/octet-stream';
const HOUR_MS = 3_600_000;

/** Makes the origin answer the HEAD of a manifest as Artifactory does: with a generic media type. */
async function hideType({ name, bytes, digest }: PushedManifest, mediaType = OCTETS): Promise<void> {
  const headers = {
    'content-type': mediaType,
    'content-length': String(bytes.length),
    'docker-content-digest': digest,
  };
  await rig.rule({ prefix: `/v2/${name}/manifests/`, method: 'HEAD', status: 200, headers });
}

const typeOf = async (edge: Edge, path: string, method: 'HEAD' | 'GET', accept = OCI_MANIFEST) =>
  (await edge.fetch(path, manifestRequest(method, `${accept}, ${OCTETS}`))).headers.get('content-type');

describe.each(STORES)("a manifest's media type, cache in $name", ({ variables }) => {
  it.each([
    ['by digest', 'origin', 'path'],
    ['by digest, of a mirror', 'anonymous', 'path'],
    ['by tag', 'origin', 'tagPath'],
    ['by tag, of a mirror', 'anonymous', 'tagPath'],
  ] as const)(
    'is what the origin states for each method, in any order of requests: %s',
    async (_what, auth, pathOf) => {
      for (const order of ['GHGH', 'HGHG', 'GGHH', 'HHGG', 'GHHG', 'HGGH']) {
        const manifest = await pushManifest();
        await hideType(manifest);
        const edge = createEdge({ ...variables, CLIENT_AUTH: auth });
        // The isolate observes how this origin answers HEADs, without learning anything about the manifest.
        await edge.fetch(`/v2/${manifest.name}/manifests/other`, manifestRequest('HEAD'));
        const answers: string[] = [];
        for (const letter of order) {
          const method = letter === 'G' ? 'GET' : 'HEAD';
          answers.push(`${letter} ${await typeOf(edge, manifest[pathOf], method)}`);
        }
        expect([order, ...answers]).toEqual([
          order,
          ...[...order].map((letter) => `${letter} ${letter === 'G' ? OCI_MANIFEST : OCTETS}`),
        ]);
      }
    },
  );

  it('is not taken from a push for HEADs if the origin does not state it to HEADs', async () => {
    const other = await pushManifest();
    const manifest = await newManifest({ name: other.name });
    const edge = createEdge(variables);
    await earnGrant(edge, manifest);
    await hideType(manifest);
    await edge.fetch(other.path, manifestRequest('HEAD'));
    await edge.fetch(manifest.tagPath, putOf(manifest));
    for (const [method, mediaType] of [
      ['GET', OCI_MANIFEST],
      ['HEAD', OCTETS],
      ['GET', OCI_MANIFEST],
    ] as const) {
      expect([method, await typeOf(edge, manifest.path, method)]).toEqual([method, mediaType]);
    }
  });

  it('stays that of the GET after its window, whatever the HEAD that revalidates it states', async () => {
    const manifest = await pushManifest();
    await hideType(manifest);
    const edge = createEdge({ ...variables, CLIENT_AUTH: 'anonymous' });
    for (let n = 0; n < 3; n++) {
      for (const path of [manifest.path, manifest.tagPath]) expect(await typeOf(edge, path, 'GET')).toBe(OCI_MANIFEST);
      edge.clock.advance(2 * HOUR_MS);
    }
  });

  it('differs between GET and HEAD where the content is known from another repository', async () => {
    const known = await pushManifest();
    const manifest = await pushManifest({ bytes: known.bytes });
    for (const hidden of [known, manifest]) await hideType(hidden);
    const edge = createEdge(variables);
    await edge.fetch(known.path, manifestRequest('GET'));
    await earnGrant(edge, manifest);
    for (let n = 0; n < 2; n++) {
      expect(await typeOf(edge, manifest.path, 'HEAD')).toBe(OCTETS);
      expect(await typeOf(edge, manifest.path, 'GET')).toBe(OCI_MANIFEST);
    }
  });

  it('is not that of the HEAD for a GET by a tag that moved to a manifest known only from a HEAD', async () => {
    const first = await pushManifest();
    const mirror = createEdge({ ...variables, CLIENT_AUTH: 'anonymous' });
    expect(await typeOf(mirror, first.tagPath, 'GET')).toBe(OCI_MANIFEST);
    const elsewhere = await pushManifest();
    await mirror.fetch(elsewhere.path, manifestRequest('GET'));
    const second = await pushManifest({ name: first.name, bytes: elsewhere.bytes });
    await hideType(second);
    expect(await typeOf(mirror, second.path, 'HEAD')).toBe(OCTETS);
    mirror.clock.advance(60_000);
    expect(await typeOf(mirror, first.tagPath, 'GET')).toBe(OCI_MANIFEST);
  });

  it('is shared by both methods if the origin states the same to both, without a further question', async () => {
    for (const order of [
      ['GET', 'HEAD'],
      ['HEAD', 'GET', 'HEAD'],
    ] as const) {
      const manifest = await pushManifest();
      const edge = createEdge(variables);
      await earnGrant(edge, manifest);
      for (const method of order) expect(await typeOf(edge, manifest.path, method)).toBe(OCI_MANIFEST);
      const methods = order[0] === 'GET' ? ['GET'] : ['HEAD', 'GET'];
      expect(await manifest.questions()).toEqual(methods.map((method) => `${method} ${manifest.digest}`));
    }
  });
});
