import { type Digest, isDigest } from './digest.ts';
import { MANIFEST_TYPES } from './mediaTypes.ts';

/** A blob without which a manifest is broken. */
export interface NeededBlob {
  readonly digest: Digest;
  /** Whether the descriptor says that it is a manifest, which registries may keep among the manifests. */
  readonly isManifest: boolean;
}

/** Go's JSON decoder, with which most registries and clients read manifests, ignores the case of names. */
const FIELDS = {
  blobs: /^(?:config|layers|blobs|fsLayers)$/iu,
  children: /^manifests$/iu,
  digest: /^(?:digest|blobSum)$/iu,
  mediaType: /^mediaType$/iu,
  urls: /^urls$/iu,
  data: /^data$/iu,
};

/** Layers that registries do not require: a license forbids to distribute them (image-spec, "Non-Distributable"). */
const NONDISTRIBUTABLE =
  /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/;
/** What BuildKit names among the manifests of an index when it exports its cache (`image-manifest=false`). */
const BLOB_TYPES =
  /^application\/vnd\.(?:oci\.image\.(?:layer|config)\.|docker\.(?:image\.rootfs|container\.image)\.|buildkit\.)/;

/**
 * Returns the blobs that a manifest needs, each once: those that it names as its `config`, `layers`, `blobs` or
 * `fsLayers` (image-spec, "Image Manifest"; Docker's schemas 1 and 2). Left out is what may be absent by right: a
 * descriptor with `urls`, with the content itself as `data`, or of a type that is not distributed; the subject; and the
 * children of an index, unless their type says that they are blobs.
 * @returns none for content that is no manifest: the origin judges it
 */
export function neededBlobs(content: Uint8Array): readonly NeededBlob[] {
  return [...neededDescriptors(content)].map(([digest, descriptor]) => {
    return { digest, isManifest: MANIFEST_TYPES.includes(textOf(descriptor, FIELDS.mediaType)) };
  });
}

/** Returns the media types that a manifest states for the blobs that it needs, by their digests. */
export function statedTypes(content: Uint8Array): ReadonlyMap<Digest, string> {
  const types = [...neededDescriptors(content)].map(
    ([digest, descriptor]) => [digest, textOf(descriptor, FIELDS.mediaType)] as const,
  );
  return new Map(types.filter(([, mediaType]) => mediaType !== ''));
}

/** Returns the descriptors of the blobs that a manifest needs; of several with one digest the last one. */
function neededDescriptors(content: Uint8Array): ReadonlyMap<Digest, unknown> {
  const manifest = parse(content);
  const children = valuesOf(manifest, FIELDS.children)
    .flat()
    .filter((child) => BLOB_TYPES.test(textOf(child, FIELDS.mediaType)));
  const needed = new Map<Digest, unknown>();
  for (const descriptor of [...valuesOf(manifest, FIELDS.blobs).flat(), ...children]) {
    const digest = textOf(descriptor, FIELDS.digest);
    if (isDigest(digest) && !mayBeAbsent(descriptor)) needed.set(digest, descriptor);
  }
  return needed;
}

function parse(content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(content));
  } catch {
    return undefined;
  }
}

function mayBeAbsent(descriptor: unknown): boolean {
  return (
    valuesOf(descriptor, FIELDS.urls).some((urls) => Array.isArray(urls) && urls.length > 0) ||
    valuesOf(descriptor, FIELDS.data).some((data) => typeof data === 'string') ||
    NONDISTRIBUTABLE.test(textOf(descriptor, FIELDS.mediaType))
  );
}

/** Returns the values of all fields with such a name; none if `parsed` is not an object. */
function valuesOf(parsed: unknown, name: RegExp): unknown[] {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return [];
  return Object.entries(parsed).flatMap(([field, value]) => (name.test(field) ? [value] : []));
}

/** Returns the text of the last such field, which is the one that Go keeps; empty if there is none. */
function textOf(parsed: unknown, name: RegExp): string {
  const value = valuesOf(parsed, name).at(-1);
  return typeof value === 'string' ? value : '';
}
