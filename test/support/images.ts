import { uniqueName } from './digests.ts';
import { type Pushed, pushBlob } from './push.ts';
import { OCI_INDEX, OCI_MANIFEST, type PushedManifest, pushManifest } from './pushManifest.ts';

/** An image at the rigged origin. */
export interface PushedImage {
  readonly name: string;
  readonly manifest: PushedManifest;
  /** The config and the layers. */
  readonly blobs: readonly Pushed[];
}

export interface PushedIndex {
  readonly name: string;
  readonly index: PushedManifest;
  readonly images: readonly PushedImage[];
}

/** Pushes an image with so many layers to the origin, past the edge. */
export async function pushImage(layers = 2, name = uniqueName(), tag = 'latest'): Promise<PushedImage> {
  const blobs = await Promise.all(Array.from({ length: layers + 1 }, () => pushBlob(undefined, name)));
  const [config, ...others] = blobs.map(({ digest, bytes }) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest,
    size: bytes.length,
  }));
  const content = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: others });
  return { name, manifest: await pushManifest({ name, tag, bytes: content }), blobs };
}

/** Pushes an index with an image for each platform, such as `linux/arm64`. */
export async function pushIndex(platforms: readonly string[], layers = 2): Promise<PushedIndex> {
  const name = uniqueName();
  const images: PushedImage[] = [];
  for (const platform of platforms) images.push(await pushImage(layers, name, platform.replaceAll('/', '-')));
  const manifests = images.map(({ manifest: { digest, bytes } }, position) => {
    const [os, architecture, variant] = platforms[position]?.split('/') ?? [];
    return { mediaType: OCI_MANIFEST, digest, size: bytes.length, platform: { os, architecture, variant } };
  });
  const content = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  return { name, index: await pushManifest({ name, bytes: content, mediaType: OCI_INDEX }), images };
}
