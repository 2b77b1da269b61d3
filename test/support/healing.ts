import type { Digest } from '../../src/oci/digest.ts';
import { uniqueDigest } from './digests.ts';
import { cacheStatusOf, createEdge, type Edge } from './edge.ts';
import { pushBlob, rig, sha256 } from './push.ts';
import { manifestRequest, OCI_MANIFEST } from './pushManifest.ts';
import type { Rule } from './rig.ts';
import { putOf } from './uploading.ts';

/**
 * The parts of an image: five that its manifest names, in this order; the manifest itself; one that only a refusal
 * reports; one that nobody names.
 */
const PARTS = ['config', 'layer1', 'layer2', 'child', 'subject', 'self', 'reported', 'other'] as const;
type Part = (typeof PARTS)[number];

/** An image whose manifest a test pushes, and the origin refuses. */
export interface Image {
  readonly name: string;
  readonly parts: Readonly<Record<Part, Digest>>;
  /** The bytes of its manifest. */
  readonly bytes: string;
  readonly path: string;
}

/** Makes an image in a repository that the origin has. */
export async function someImage(): Promise<Image> {
  const { name } = await pushBlob();
  const others = Object.fromEntries(PARTS.map((part) => [part, uniqueDigest()])) as Record<Part, Digest>;
  const { config, layer1, layer2, child, subject } = others;
  const descriptorOf = (digest: Digest) => ({ mediaType: 'application/octet-stream', size: 7, digest });
  const bytes = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptorOf(config),
    layers: [descriptorOf(layer1), descriptorOf(layer2)],
    manifests: [descriptorOf(child)],
    subject: descriptorOf(subject),
  });
  const parts = { ...others, self: await sha256(bytes) };
  return { name, parts, bytes, path: `/v2/${name}/manifests/latest` };
}

/** From now on the origin answers 200 to every HEAD in the image's repository. */
export async function stubImageExists({ name }: Image): Promise<void> {
  const headers = { 'content-length': '7', 'content-type': OCI_MANIFEST };
  await rig.rule({ prefix: `/v2/${name}/`, method: 'HEAD', status: 200, headers });
}

/** From now on the origin refuses manifests in the image's repository: with 400, or as the rule says. */
export const stubManifestRefusal = ({ name }: Image, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${name}/manifests/`, method: 'PUT', status: 400, ...rule });

/** The body of an error in OCI JSON. */
export function errorBody(code: string, detail?: unknown): string {
  return JSON.stringify({ errors: [{ code, message: 'no', detail }] });
}

export const push = (edge: Edge, { bytes, path }: Image, headers: Record<string, string> = {}) =>
  edge.send(path, putOf({ bytes, mediaType: OCI_MANIFEST }, headers));

/**
 * Sends a HEAD for each part, as a blob and as a manifest, so that the edge stores it. @returns those that were hits
 */
export async function headParts(edge: Edge, { name, parts }: Image, headers: Record<string, string> = {}) {
  const hits: string[] = [];
  for (const part of PARTS) {
    for (const links of ['blobs', 'manifests']) {
      const head = await edge.fetch(
        `/v2/${name}/${links}/${parts[part]}`,
        manifestRequest('HEAD', OCI_MANIFEST, headers),
      );
      if (cacheStatusOf(head)?.includes('; hit')) hits.push(`${links} ${part}`);
    }
  }
  return hits;
}

const inBothLinkSets = (parts: readonly Part[]) => parts.flatMap((part) => [`blobs ${part}`, `manifests ${part}`]);
export const ALL_PARTS = inBothLinkSets(PARTS);
/** What is left if everything that the manifest and the refusal name is evicted. */
export const ONLY_OTHER = inBothLinkSets(['other']);
/** What is left if only what the refusal names is evicted. */
export const ALL_BUT_REPORTED = inBothLinkSets(PARTS.filter((part) => part !== 'reported'));
/** What is left if only the manifest and what it names are evicted. */
export const NOT_IN_MANIFEST = inBothLinkSets(['reported', 'other']);

/** Makes an image that the origin has, and an edge that has all of its parts in the cache. */
export async function cachedImage(variables: Record<string, string> = {}): Promise<{ edge: Edge; image: Image }> {
  const image = await someImage();
  await stubImageExists(image);
  const edge = createEdge(variables);
  await headParts(edge, image);
  return { edge, image };
}

/** Returns what the origin was asked in the repository after the last PUT. */
export async function probesAfterPut({ name, parts }: Image): Promise<string[]> {
  const requests = (await rig.requests(`/v2/${name}/`)).map(({ method, path }) => `${method} ${path}`);
  const probes = requests.slice(requests.findLastIndex((request) => request.startsWith('PUT ')) + 1);
  return probes.map((request) => {
    const part = PARTS.find((candidate) => request.includes(parts[candidate])) ?? '';
    return request.replace(`/v2/${name}/`, '').replace(parts[part as Part] ?? '', part);
  });
}
