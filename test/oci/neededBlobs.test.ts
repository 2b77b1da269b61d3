import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';
import { neededBlobs } from '../../src/oci/neededBlobs.ts';
import { uniqueDigest } from '../support/digests.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const [a, b, c] = Array.from({ length: 3 }, () => uniqueDigest()) as [Digest, Digest, Digest];

const needed = (manifest: unknown) =>
  neededBlobs(new TextEncoder().encode(typeof manifest === 'string' ? manifest : JSON.stringify(manifest))).map(
    ({ digest }) => digest,
  );
const layer = (digest: string, more: object = {}) => ({ mediaType: LAYER, digest, size: 7, ...more });

describe('neededBlobs', () => {
  it.each<[string, unknown, string[]]>([
    ['an image', { config: layer(a), layers: [layer(b), layer(c)] }, [a, b, c]],
    ['an image that names a layer twice', { config: layer(a), layers: [layer(b), layer(b)] }, [a, b]],
    ['an artifact', { blobs: [layer(a), layer(b)] }, [a, b]],
    ['a Docker image of schema 1', { fsLayers: [{ blobSum: a }, { blobSum: b }] }, [a, b]],
    ['fields in the spelling of Go', { Config: layer(a), LAYERS: [{ Digest: b, mediatype: LAYER }] }, [a, b]],
    ['fields that Go folds', { 'layer\u017f': [layer(a)], '\u017fubject': layer(b) }, [a]],
    ['digests of other algorithms', { layers: [layer(uniqueDigest('sha512').slice(0, 20)), layer(a)] }, [a]],
    [
      'a cache of BuildKit, which names blobs as its manifests',
      { manifests: [layer(a), layer(b, { mediaType: 'application/vnd.buildkit.cacheconfig.v0' })] },
      [a, b],
    ],
  ])('returns what is needed: %s', (_what, manifest, expected) => {
    expect(needed(manifest)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['the subject', { subject: layer(a) }],
    ['children of an index', { manifests: [layer(a, { mediaType: IMAGE }), { digest: b }] }],
    ['children of an unknown type', { manifests: [layer(a, { mediaType: 'application/vnd.other' })] }],
    ['annotations', { annotations: { base: a, layers: layer(b) } }],
    ['layers with URLs', { layers: [layer(a, { urls: ['https://example.com/layer'] })] }],
    ['layers with URLs, in the spelling of Go', { layers: [layer(a, { URLs: ['https://example.com/layer'] })] }],
    ['embedded content', { config: layer(a, { data: 'e30=' }), layers: [layer(b, { data: '' })] }],
    [
      'foreign layers',
      {
        layers: [
          layer(a, { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }),
          layer(b, { mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar' }),
          layer(c, { mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd' }),
        ],
      },
    ],
    ['what is below another field', { layers: [{ nested: layer(a) }], other: { config: layer(b) } }],
  ])('leaves out what may be absent: %s', (_what, manifest) => {
    expect(needed(manifest)).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['a layer whose list of URLs is empty', { layers: [layer(a, { urls: [] })] }],
    ['a layer without a type', { layers: [{ digest: a }] }],
    ['a layer whose URLs are no list', { layers: [layer(a, { urls: 'https://example.com' })] }],
  ])('does not leave out %s', (_what, manifest) => {
    expect(needed(manifest)).toEqual([a]);
  });

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['broken JSON', '{"config":'],
    ['a list', [layer(a)]],
    ['null', 'null'],
    ['a text', '"sha256"'],
    ['fields of other types', { config: a, layers: { digest: 7 }, blobs: [null, 1, [layer(a)]] }],
    ['bytes that are no text', '\ufffd'],
  ])('returns nothing for what is no manifest: %s', (_what, manifest) => {
    expect(needed(manifest)).toEqual([]);
  });

  it('says which blobs the manifest calls manifests', () => {
    const manifest = { layers: [layer(a), layer(b, { mediaType: IMAGE })] };
    const found = neededBlobs(new TextEncoder().encode(JSON.stringify(manifest)));
    expect(found.map(({ isManifest }) => isManifest)).toEqual([false, true]);
  });
});
