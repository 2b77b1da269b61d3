import type { Digest } from '../../src/oci/digest.ts';
import { someDigest } from './digests.ts';
import { cacheStatusOf, type Edge } from './edge.ts';
import { pushBlob, rig, sha256 } from './push.ts';
import { asking, OCI_MANIFEST } from './pushManifest.ts';
import type { Rule } from './rig.ts';
import { putOf } from './uploading.ts';

/**
 * The parts of an image: what its manifest names, in this order; the manifest itself; what only a refusal names; what
 * nobody does.
 */
const PARTS = ['config', 'layer1', 'layer2', 'child', 'subject', 'own', 'told', 'other'] as const;
type Part = (typeof PARTS)[number];

/** An image that the origin is about to refuse. */
export interface Image {
  readonly name: string;
  readonly parts: Readonly<Record<Part, Digest>>;
  /** Of its manifest. */
  readonly bytes: string;
  readonly path: string;
}

/** In a repository that the origin knows; to a HEAD it says that all of it is there. */
export async function someImage(): Promise<Image> {
  const { name } = await pushBlob();
  const others = Object.fromEntries(PARTS.map((part) => [part, someDigest()])) as Record<Part, Digest>;
  const { config, layer1, layer2, child, subject } = others;
  const named = (digest: Digest) => ({ mediaType: 'application/octet-stream', size: 7, digest });
  const bytes = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: named(config),
    layers: [named(layer1), named(layer2)],
    manifests: [named(child)],
    subject: named(subject),
  });
  const parts = { ...others, own: await sha256(bytes) };
  return { name, parts, bytes, path: `/v2/${name}/manifests/latest` };
}

/** From now on the origin says of everything in the image's repository that it is there. */
export async function isThere({ name }: Image): Promise<void> {
  const headers = { 'content-length': '7', 'content-type': OCI_MANIFEST };
  await rig.rule({ prefix: `/v2/${name}/`, method: 'HEAD', status: 200, headers });
}

/** What the origin answers to the manifest. */
export const refuses = ({ name }: Image, rule: Partial<Rule>) =>
  rig.rule({ prefix: `/v2/${name}/manifests/`, method: 'PUT', status: 400, ...rule });

export function errorOf(code: string, detail?: unknown): string {
  return JSON.stringify({ errors: [{ code, message: 'no', detail }] });
}

export const push = (edge: Edge, { bytes, path }: Image, headers: Record<string, string> = {}) =>
  edge.send(path, putOf({ bytes, mediaType: OCI_MANIFEST }, headers));

/** Which parts the cache answers for, as blobs and as manifests; it learns the others. */
export async function knownOf(edge: Edge, { name, parts }: Image, headers: Record<string, string> = {}) {
  const known: string[] = [];
  for (const part of PARTS) {
    for (const links of ['blobs', 'manifests']) {
      const head = await edge.fetch(`/v2/${name}/${links}/${parts[part]}`, asking('HEAD', OCI_MANIFEST, headers));
      if (cacheStatusOf(head)?.includes('; hit')) known.push(`${links} ${part}`);
    }
  }
  return known;
}

const inBoth = (parts: readonly Part[]) => parts.flatMap((part) => [`blobs ${part}`, `manifests ${part}`]);
export const ALL = inBoth(PARTS);
export const ONLY_OTHER = inBoth(['other']);
export const UNTOLD = inBoth(PARTS.filter((part) => part !== 'told'));
export const UNNAMED = inBoth(['told', 'other']);

/** What the origin was asked in the repository since the last PUT, which is left out. */
export async function probesOf({ name, parts }: Image): Promise<string[]> {
  const all = (await rig.requests(`/v2/${name}/`)).map(({ method, path }) => `${method} ${path}`);
  const since = all.slice(all.findLastIndex((asked) => asked.startsWith('PUT ')) + 1);
  return since.map((asked) => {
    const part = PARTS.find((one) => asked.includes(parts[one])) ?? '';
    return asked.replace(`/v2/${name}/`, '').replace(parts[part as Part] ?? '', part);
  });
}
