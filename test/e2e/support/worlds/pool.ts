import { artifact, DOCKER, OCI } from '../contents.ts';
import { type Blob, blobOf, descriptorOf, json, noise } from '../image.ts';

/** A manifest that may be pushed. */
export interface PooledManifest {
  readonly mediaType: string;
  readonly manifest: Blob;
  /** The blobs that a registry wants to have before it. */
  readonly blobs: readonly Blob[];
  /** The manifests that a registry wants to have before it. */
  readonly children: readonly PooledManifest[];
}

/** The little that a sequence is about: so little that it meets the same things again and again. */
export interface Pool {
  readonly names: readonly [string, ...string[]];
  readonly blobs: readonly [Blob, ...Blob[]];
  readonly manifests: readonly [PooledManifest, ...PooledManifest[]];
  readonly tags: readonly [string, ...string[]];
}

/** The last one is more than the edge hashes of a body. */
const SIZES = [1, 10, 300, 1_000, 5_000, 70_000, 1_100_000];

/**
 * Makes names and content of which no other run knows, so that a sequence can be replayed on the same registries.
 * @param run the run's own name, such as `r1`
 * @param age pools of one run and of different ages have the same names and other content
 */
export function createPool(run: string, age: number): Pool {
  const seed = `worlds ${run} ${age}`;
  const [a, b, c, ...others] = SIZES.map((size, at) => blobOf(noise(`${seed} ${at}`, size))) as Blobs;
  const config = json({ seed, architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
  const byOther = blobOf(noise(`${seed} sha512`, 400), 'sha512');
  const image = imageOf(OCI, config, [a, b]);
  const docker = imageOf(DOCKER, config, [b, c]);
  const list = indexOf(OCI, [image, docker]);
  const attached = { ...artifact([c], { subject: descriptorOf(image.manifest, OCI.manifest) }), children: [] };
  return {
    names: [`${run}/one`, `${run}/two`, `${run}/deep/three`],
    blobs: [a, b, c, ...others, config, byOther, blobOf(Buffer.alloc(0))],
    manifests: [
      image,
      docker,
      list,
      attached,
      imageOf(OCI, config, others),
      imageOf(OCI, config, [byOther]),
      indexOf(DOCKER, [docker]),
      indexOf(OCI, [attached, list], { subject: descriptorOf(docker.manifest, DOCKER.manifest) }),
      withForeignLayer(config, a),
      withoutMediaType(config, b),
    ],
    tags: ['a', 'B_2', 'latest', `sha256-${image.manifest.digest.slice(7)}`],
  };
}

type Blobs = [Blob, Blob, Blob, ...Blob[]];

function imageOf(family: typeof OCI, config: Blob, layers: readonly Blob[], more = {}): PooledManifest {
  const manifest = json({
    schemaVersion: 2,
    mediaType: family.manifest,
    config: descriptorOf(config, family.config),
    layers: layers.map((layer) => descriptorOf(layer, family.layer)),
    ...more,
  });
  return { mediaType: family.manifest, manifest, blobs: [config, ...layers], children: [] };
}

function indexOf(family: typeof OCI, children: readonly PooledManifest[], more = {}): PooledManifest {
  const manifests = children.map(({ manifest, mediaType }, at) => {
    return { ...descriptorOf(manifest, mediaType), platform: { architecture: `cpu${at}`, os: 'linux' } };
  });
  const manifest = json({ schemaVersion: 2, mediaType: family.index, manifests, ...more });
  return { mediaType: family.index, manifest, blobs: [], children };
}

/** An image with a layer that is elsewhere by right. */
function withForeignLayer(config: Blob, layer: Blob): PooledManifest {
  const elsewhere = {
    ...descriptorOf(blobOf(Buffer.from('elsewhere')), 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
    urls: ['https://elsewhere.test/layer'],
  };
  const manifest = json({
    schemaVersion: 2,
    mediaType: DOCKER.manifest,
    config: descriptorOf(config, DOCKER.config),
    layers: [elsewhere, descriptorOf(layer, DOCKER.layer)],
  });
  return { mediaType: DOCKER.manifest, manifest, blobs: [config, layer], children: [] };
}

/** An OCI manifest need not say what it is. */
function withoutMediaType(config: Blob, layer: Blob): PooledManifest {
  const manifest = json({
    schemaVersion: 2,
    config: descriptorOf(config, OCI.config),
    layers: [descriptorOf(layer, OCI.layer)],
    annotations: { 'org.test.note': 'ünï' },
  });
  return { mediaType: OCI.manifest, manifest, blobs: [config, layer], children: [] };
}
