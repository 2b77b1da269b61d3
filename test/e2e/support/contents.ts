import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { tarOf } from '../../../local/origin/sample.ts';
import { upload } from './blobs.ts';
import type { Answer } from './http.ts';
import { type Blob, blobOf, descriptorOf, json, noise } from './image.ts';
import { writeLayout } from './layout.ts';
import { putManifest } from './manifests.ts';

/** A manifest and all that it names, in memory. */
export interface Content {
  readonly mediaType: string;
  readonly manifest: Blob;
  readonly blobs: readonly Blob[];
  /** The manifests that an index names; empty for anything else. */
  readonly children: readonly Content[];
}

/** The same, also on disk as an OCI layout. */
export interface Layout extends Content {
  readonly folder: string;
}

/** The media types of one family. */
interface Family {
  readonly manifest: string;
  readonly index: string;
  readonly config: string;
  readonly layer: string;
}

export const OCI: Family = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};
export const DOCKER: Family = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
};

/** The platforms of each index. 2.8.2 answers the first one to clients that accept no list. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;
type Architecture = (typeof ARCHITECTURES)[number];

const CREATED = '2026-01-01T00:00:00Z';
/** The largest manifest that both registries accept; clients with a bound have the same one. */
const MANIFEST_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Makes an image whose layers are tars, by default a single small one.
 * @param sizes the layers' sizes in bytes; they do not compress
 */
export function image(
  seed: string,
  family = OCI,
  architecture: Architecture = 'amd64',
  sizes: readonly number[] = [20_000],
): Content {
  const tars = sizes.map((size, index) => tarOf(`file-${index}`, noise(`${seed} ${architecture} ${index}`, size)));
  const layers = tars.map((tar) => blobOf(gzipSync(tar, { level: 1 })));
  const config = json({
    architecture,
    os: 'linux',
    created: CREATED,
    config: { Labels: { seed } },
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => blobOf(tar).digest) },
    history: tars.map(() => ({ created: CREATED, created_by: 'e2e' })),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: family.manifest,
    config: descriptorOf(config, family.config),
    layers: layers.map((layer) => descriptorOf(layer, family.layer)),
  };
  return { mediaType: family.manifest, manifest: json(manifest), blobs: [config, ...layers], children: [] };
}

/** Makes an index of one image for each of the architectures. */
export function index(seed: string, family = OCI): Content {
  const children = ARCHITECTURES.map((architecture) => image(seed, family, architecture));
  const manifests = children.map(({ manifest }, position) => {
    const platform = { architecture: ARCHITECTURES[position], os: 'linux' };
    return { ...descriptorOf(manifest, family.manifest), platform };
  });
  const manifest = json({ schemaVersion: 2, mediaType: family.index, manifests });
  return { mediaType: family.index, manifest, blobs: [], children };
}

/**
 * Makes an artifact, that is, a manifest that is not an image's.
 * @param more further fields of the manifest, such as `subject` or `annotations`
 */
export function artifact(layers: readonly Blob[], more: Readonly<Record<string, unknown>> = {}): Content {
  const config = json({});
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI.manifest,
    artifactType: 'application/vnd.example.e2e',
    config: descriptorOf(config, 'application/vnd.oci.empty.v1+json'),
    layers: layers.map((layer) => descriptorOf(layer, 'application/octet-stream')),
    ...more,
  };
  return { mediaType: OCI.manifest, manifest: json(manifest), blobs: [config, ...layers], children: [] };
}

/** Makes an artifact whose manifest has the largest size that registries accept. */
export function largestManifest(seed: string): Content {
  const layers = [blobOf(noise(seed, 1_000))];
  const annotated = (text: string) => artifact(layers, { annotations: { seed, text } });
  return annotated('x'.repeat(MANIFEST_MAX_BYTES - annotated('').manifest.bytes.length));
}

/** Writes content to a new folder, as an OCI layout. */
export async function layoutOf(content: Content): Promise<Layout> {
  const { manifest, mediaType } = content;
  return { ...content, folder: await writeLayout(descriptorOf(manifest, mediaType), filesOf(content)) };
}

/** The sha256, in hexadecimal, of each manifest and blob that a pull of the content brings. */
export function hashesOf(content: Content): string[] {
  return filesOf(content).map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'));
}

function filesOf({ manifest, blobs, children }: Content): Blob[] {
  return [manifest, ...blobs, ...children.flatMap(filesOf)];
}

/**
 * Puts content into a registry, by the API alone.
 * @param tag by default it is pushed by digest
 * @throws Error the registry refuses any of it
 */
export async function publish(url: string, name: string, content: Content, tag?: string): Promise<void> {
  for (const blob of content.blobs) expectCreated(await upload(url, name, blob));
  for (const child of content.children) await publish(url, name, child);
  expectCreated(await putManifest({ url, name, reference: tag ?? content.manifest.digest }, content));
}

/**
 * Puts artifacts that have this subject into a registry, and their list under the subject's referrers tag, as clients
 * do with registries that have no referrers API; neither of the two registries has one.
 */
export async function publishReferrers(
  url: string,
  name: string,
  subject: Content,
  artifacts: readonly Content[],
): Promise<void> {
  const manifests = artifacts.map(({ manifest, mediaType }) => {
    return { ...descriptorOf(manifest, mediaType), artifactType: 'application/vnd.example.e2e' };
  });
  const manifest = json({ schemaVersion: 2, mediaType: OCI.index, manifests });
  const list = { mediaType: OCI.index, manifest, blobs: [], children: artifacts };
  await publish(url, name, list, subject.manifest.digest.replace(':', '-'));
}

function expectCreated({ status, body }: Answer): void {
  if (status !== 201) throw new Error(`the registry answered ${status}: ${body}`);
}
