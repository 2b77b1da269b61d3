import { describe, expect, it } from 'vitest';
import { mediaTypeOf } from '../../src/oci/manifest.ts';
import { MANIFEST_TYPES } from '../../src/oci/mediaTypes.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const typeOf = (pushedAs: string | null, manifest: unknown) =>
  mediaTypeOf(pushedAs, new TextEncoder().encode(typeof manifest === 'string' ? manifest : JSON.stringify(manifest)));

describe('mediaTypeOf', () => {
  it.each(MANIFEST_TYPES)('is what the manifest states and it was pushed as: %s', (mediaType) => {
    expect(typeOf(mediaType, { mediaType })).toBe(mediaType);
  });

  it.each<[string, unknown, string]>([
    ['an image', { schemaVersion: 2, config: {}, layers: [] }, IMAGE],
    ['an image without layers', { config: {} }, IMAGE],
    ['an index', { manifests: [] }, INDEX],
    ['an index of one', { manifests: [{}], annotations: {} }, INDEX],
  ])('is what its fields make it, where it states none: %s', (_what, manifest, mediaType) => {
    expect(typeOf(mediaType, manifest)).toBe(mediaType);
    // Pushed as another kind, it is that all the same, and the origin gives it back as such.
    for (const other of MANIFEST_TYPES.filter((type) => type !== mediaType))
      expect(typeOf(other, manifest)).toBe(undefined);
  });

  it.each<[string, string | null, unknown]>([
    ['no Content-Type', null, { mediaType: IMAGE }],
    ['one of another kind', 'application/json', { mediaType: 'application/json' }],
    ['one with parameters', `${IMAGE}; charset=utf-8`, { mediaType: IMAGE }],
    ['another than it states', INDEX, { mediaType: IMAGE, manifests: [] }],
    ['neither stated nor shown: an index', INDEX, { schemaVersion: 2 }],
    ['neither stated nor shown: an image', IMAGE, { schemaVersion: 2 }],
    ['neither stated nor shown: of docker, which has to be stated', DOCKER, { config: {}, layers: [] }],
    ['shown twice', INDEX, { manifests: [], layers: [] }],
    ['shown twice, the other way', IMAGE, { manifests: [], config: {} }],
    ['manifests that are null', INDEX, { manifests: null }],
    ['a config that is null', IMAGE, { config: null }],
    ['a stated type that is no text', IMAGE, { mediaType: 1, config: {} }],
    ['a stated type that is null', IMAGE, { mediaType: null, config: {} }],
    ['a stated type that is empty', IMAGE, { mediaType: '', config: {} }],
    ['a field that Go reads as the type', IMAGE, { MediaType: INDEX, config: {} }],
    ['a field that Go reads as manifests', IMAGE, { Manifests: [], config: {} }],
    ['a field that Go reads as layers', INDEX, { manifests: [], 'layer\u017f': [] }],
    ['a list', IMAGE, []],
    ['null', IMAGE, null],
    ['no JSON', IMAGE, '{'],
  ])('is not certain: %s', (_what, pushedAs, manifest) => {
    expect(typeOf(pushedAs, manifest)).toBe(undefined);
  });
});
