import { inject } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';
import { uniqueName } from './digests.ts';
import { digestOf, pushBlob, rig } from './push.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

/** Manifests are not checked before they go to the origin, and pass as streams. */
export const UNCHECKED = { PUSH_STALE_WHILE_REVALIDATE: '0' };

/** A manifest that the rigged origin has, or is to receive. */
export interface PushedManifest {
  readonly name: string;
  readonly digest: Digest;
  readonly bytes: string;
  readonly mediaType: string;
  /** The path by its digest, at the edge or the origin. */
  readonly path: string;
  /** The path by its tag. */
  readonly tagPath: string;
  /** Lists the origin's requests for manifests of the repository: method and reference, with the query. */
  questions(): Promise<string[]>;
}

export interface ManifestOptions {
  readonly name?: string;
  readonly tag?: string;
  /** The manifest, as JSON. */
  readonly bytes?: string;
  readonly mediaType?: string;
  /** The algorithm of its digest. */
  readonly algorithm?: 'sha256' | 'sha512';
}

/** Pushes a manifest to the origin, past the edge. */
export async function pushManifest({
  name = uniqueName(),
  tag = 'latest',
  bytes = uniqueManifest(),
  mediaType = OCI_MANIFEST,
}: ManifestOptions = {}): Promise<PushedManifest> {
  const init = { method: 'PUT', body: bytes, headers: { 'content-type': mediaType } };
  const response = await fetch(`${inject('originUrl')}/v2/${name}/manifests/${tag}`, init);
  if (response.status !== 201) throw new Error(`push: ${response.status} ${await response.text()}`);
  return manifestOf({ name, tag, bytes, mediaType });
}

/** Describes a manifest that the origin does not have yet, in a repository that it has. */
export async function newManifest(options: ManifestOptions = {}): Promise<PushedManifest> {
  const { name = (await pushBlob()).name, bytes = uniqueManifest() } = options;
  return manifestOf({ tag: 'latest', mediaType: OCI_MANIFEST, ...options, name, bytes });
}

async function manifestOf({
  name,
  tag,
  bytes,
  mediaType,
  algorithm = 'sha256',
}: Required<Omit<ManifestOptions, 'algorithm'>> & ManifestOptions): Promise<PushedManifest> {
  const below = `/v2/${name}/manifests/`;
  const digest = await digestOf(bytes, algorithm);
  const before = (await rig.requests(below)).length;
  return {
    name,
    digest,
    bytes,
    mediaType,
    path: below + digest,
    tagPath: below + tag,
    async questions() {
      const since = (await rig.requests(below)).slice(before);
      return since.map(({ method, path }) => `${method} ${path.slice(below.length)}`);
    },
  };
}

/** Returns a unique manifest that names no content. @param bytes its length, at least */
export function uniqueManifest(bytes = 0): string {
  const annotations = { id: crypto.randomUUID(), padding: 'x'.repeat(bytes) };
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, annotations });
}

/** Returns a unique manifest whose `mediaType` field has this value; `undefined`: no such field. */
export function manifestOfType(mediaType?: unknown): string {
  return JSON.stringify({ schemaVersion: 2, mediaType, annotations: { id: crypto.randomUUID() } });
}

/** Returns a request for a manifest, by a caller that accepts this type. */
export function manifestRequest(
  method: 'HEAD' | 'GET',
  accept: string | null = OCI_MANIFEST,
  more: Record<string, string> = {},
) {
  return { method, headers: { ...(accept !== null && { accept }), ...more } };
}
