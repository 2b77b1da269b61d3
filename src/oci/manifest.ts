import { type Digest, isDigest } from './digest.ts';

/** The media types of manifests: image-spec, and distribution's own. */
const MANIFEST_TYPES = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);

/**
 * The media type under which a registry gives back a manifest that it has taken.
 * @param contentType with which it was pushed
 * @returns `undefined` where that is not certain: a type of another kind, or not the one that the manifest itself states
 */
export function mediaTypeOf(contentType: string | null, content: Uint8Array): string | undefined {
  if (contentType === null || !MANIFEST_TYPES.has(contentType)) return undefined;
  try {
    const { mediaType = contentType } = JSON.parse(new TextDecoder().decode(content)) as { mediaType?: unknown };
    return mediaType === contentType ? contentType : undefined;
  } catch {
    return undefined;
  }
}

const DIGESTS = /sha(?:256|384|512):[0-9a-f]+/g;

/** The digests in a text, such as a manifest or an error about one, each once, in their order. */
export function digestsIn(text: string): Set<Digest> {
  return new Set([...(text.match(DIGESTS) ?? [])].filter(isDigest));
}
