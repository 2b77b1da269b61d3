import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { tarOf } from '../../../local/origin/sample.ts';
import { LAYOUT_TAG, writeLayout } from './layout.ts';

export interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** An image on disk, as an OCI layout. */
export interface Image {
  readonly folder: string;
  /** The folder in skopeo's notation. */
  readonly source: string;
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly [Blob, ...Blob[]];
}

const CREATED = '2026-01-01T00:00:00Z';
const SMALL_LAYERS = [200, 20_000, 300_000];

/**
 * Makes an image on disk. Equal seeds make equal bytes, on every machine and in every run.
 * @param seed images of different seeds share no blob
 * @param sizes the layers' sizes in bytes; they do not compress
 */
export async function makeImage(seed: string, sizes: readonly number[] = SMALL_LAYERS): Promise<Image> {
  const tars = sizes.map((size, index) => tarOf(`layer-${index}`, noise(`${seed} ${index}`, size)));
  const layers = tars.map((tar) => blobOf(gzipSync(tar, { level: 1 })));
  const [first, ...others] = layers;
  if (!first) throw new TypeError('sizes: expected at least one layer');
  const config = json({
    architecture: 'amd64',
    os: 'linux',
    created: CREATED,
    config: { Labels: { seed } },
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
    history: layers.map(() => ({ created: CREATED, created_by: 'e2e' })),
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptorOf(config, 'application/vnd.oci.image.config.v1+json'),
    layers: layers.map((layer) => descriptorOf(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')),
  });

  const root = descriptorOf(manifest, 'application/vnd.oci.image.manifest.v1+json');
  const folder = await writeLayout(root, [manifest, config, ...layers]);
  return { folder, source: `oci:${folder}:${LAYOUT_TAG}`, manifest, config, layers: [first, ...others] };
}

/** Makes a blob of pseudorandom bytes; equal seeds make equal blobs. */
export function makeBlob(seed: string, size: number): Blob {
  return blobOf(noise(seed, size));
}

/** The descriptor by which a manifest names content. */
export function descriptorOf({ digest, bytes }: Blob, mediaType: string) {
  return { mediaType, digest, size: bytes.length };
}

/** Makes a blob of a value as JSON. */
export function json(value: unknown): Blob {
  return blobOf(Buffer.from(JSON.stringify(value)));
}

/** Makes a blob of bytes. */
export function blobOf(bytes: Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): Blob {
  return { digest: digestOf(bytes, algorithm), bytes };
}

function digestOf(bytes: Buffer, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Pseudorandom bytes that do not compress: a cipher's key stream. */
export function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}
