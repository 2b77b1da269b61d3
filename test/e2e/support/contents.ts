import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { tarOf } from '../../../local/origin/sample.ts';
import { upload } from './blobs.ts';
import { type Answer, request } from './http.ts';
import { type Blob, blobOf, descriptorOf, json, noise } from './image.ts';
import { writeLayout } from './layout.ts';

/** A manifest and all that it names. */
export interface Content {
  readonly mediaType: string;
  readonly manifest: Blob;
  readonly blobs: readonly Blob[];
  /** What an index names; of anything else there is none. */
  readonly children: readonly Content[];
}

/** The same on disk, as an OCI layout. */
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

/** The platforms of every index made here; the first is what 2.8.2 picks from a list for clients that take none. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;
type Architecture = (typeof ARCHITECTURES)[number];

const CREATED = '2026-01-01T00:00:00Z';
/** What both registries take at most, to the byte; clients that bound it have the same bound. */
const MANIFEST_MAX_BYTES = 4 * 1024 * 1024;

/**
 * An image with real tars in it; by default one, which is small.
 * @param sizes of the layers, which do not compress
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

/** An image for two platforms. */
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
 * Anything that is no image.
 * @param more what the manifest says beside its layers, as `subject` or `annotations`
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

/** An artifact whose manifest is as large as a manifest may be. */
export function largestManifest(seed: string): Content {
  const layers = [blobOf(noise(seed, 1_000))];
  const annotated = (text: string) => artifact(layers, { annotations: { seed, text } });
  return annotated('x'.repeat(MANIFEST_MAX_BYTES - annotated('').manifest.bytes.length));
}

/** Writes it to the disk. */
export async function layoutOf(content: Content): Promise<Layout> {
  const { manifest, mediaType } = content;
  return { ...content, folder: await writeLayout(descriptorOf(manifest, mediaType), filesOf(content)) };
}

/** The sha256, in hexadecimal, of all that a pull of it brings. */
export function allBytesOf(content: Content): string[] {
  return filesOf(content).map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'));
}

function filesOf({ manifest, blobs, children }: Content): Blob[] {
  return [manifest, ...blobs, ...children.flatMap(filesOf)];
}

/** Puts it into a registry by the API alone; throws where that does not take it. */
export async function publish(url: string, name: string, content: Content, tag?: string): Promise<void> {
  for (const blob of content.blobs) expectCreated(await upload(url, name, blob));
  for (const child of content.children) await publish(url, name, child);
  const { manifest, mediaType } = content;
  const headers = { 'content-type': mediaType, 'content-length': String(manifest.bytes.length) };
  const path = `${url}/v2/${name}/manifests/${tag ?? manifest.digest}`;
  expectCreated(await request('PUT', path, { headers, body: manifest.bytes }));
}

/**
 * Puts artifacts in that have this subject, and their list under the subject's referrers tag, as clients do with registries
 * that have no referrers API; neither of the two has one.
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
