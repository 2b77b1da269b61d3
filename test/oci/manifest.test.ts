import { describe, expect, it } from 'vitest';
import { servedMediaType } from '../../src/oci/manifest.ts';
import { MANIFEST_TYPES } from '../../src/oci/mediaTypes.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const typeOf = (pushedAs: string | null, manifest: unknown) =>
  servedMediaType(
    pushedAs,
    new TextEncoder().encode(typeof manifest === 'string' ? manifest : JSON.stringify(manifest)),
  );

describe('servedMediaType', () => {
  it.each(MANIFEST_TYPES)('returns the type that the manifest states and was pushed with: %s', (mediaType) => {
    expect(typeOf(mediaType, { mediaType })).toBe(mediaType);
  });

  it.each<[string, unknown, string]>([
    ['an image', { schemaVersion: 2, config: {}, layers: [] }, IMAGE],
    ['an image without layers', { config: {} }, IMAGE],
    ['an index', { manifests: [] }, INDEX],
    ['an index of one', { manifests: [{}], annotations: {} }, INDEX],
  ])(
    'returns the type that follows from the fields where the manifest states none: %s',
    (_what, manifest, mediaType) => {
      expect(typeOf(mediaType, manifest)).toBe(mediaType);
      // Pushed with another type, the origin still serves it with the type that follows from the fields.
      for (const other of MANIFEST_TYPES.filter((type) => type !== mediaType))
        expect(typeOf(other, manifest)).toBe(undefined);
    },
  );

  it.each<[string, string | null, unknown]>([
    ['no Content-Type', null, { mediaType: IMAGE }],
    ['a Content-Type that is no manifest type', 'application/json', { mediaType: 'application/json' }],
    ['a Content-Type with parameters', `${IMAGE}; charset=utf-8`, { mediaType: IMAGE }],
    ['a Content-Type other than the manifest states', INDEX, { mediaType: IMAGE, manifests: [] }],
    ['an index that neither states its type nor has manifests', INDEX, { schemaVersion: 2 }],
    ['an image that neither states its type nor has a config', IMAGE, { schemaVersion: 2 }],
    ['a Docker manifest that does not state its type', DOCKER, { config: {}, layers: [] }],
    ['both manifests and layers', INDEX, { manifests: [], layers: [] }],
    ['both manifests and a config', IMAGE, { manifests: [], config: {} }],
    ['manifests that are null', INDEX, { manifests: null }],
    ['a config that is null', IMAGE, { config: null }],
    ['a stated type that is not a string', IMAGE, { mediaType: 1, config: {} }],
    ['a stated type that is null', IMAGE, { mediaType: null, config: {} }],
    ['a stated type that is empty', IMAGE, { mediaType: '', config: {} }],
    ['a field that Go reads as the type', IMAGE, { MediaType: INDEX, config: {} }],
    ['a field that Go reads as manifests', IMAGE, { Manifests: [], config: {} }],
    ['a field that Go reads as layers', INDEX, { manifests: [], 'layer\u017f': [] }],
    ['a list', IMAGE, []],
    ['null', IMAGE, null],
    ['invalid JSON', IMAGE, '{'],
  ])('returns undefined where the type is not certain: %s', (_what, pushedAs, manifest) => {
    expect(typeOf(pushedAs, manifest)).toBe(undefined);
  });
});
