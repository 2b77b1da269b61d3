import { type Digest, isDigest } from './digest.ts';
import { MANIFEST_TYPES } from './mediaTypes.ts';

const IMAGE_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
/** The fields by which registries determine a manifest's type. */
const TYPE_FIELDS = new Set(['mediaType', 'manifests', 'config', 'layers']);
/** Go's JSON decoder ignores case. */
const READ_AS_TYPE_FIELD = /^(?:mediaType|manifests|config|layers)$/iu;

/**
 * Returns the media type under which a registry will serve a pushed manifest. Registries do not store the Content-Type
 * of the push: the type is the one that the manifest states, or else follows from its fields (distribution: an index if
 * it has `manifests`, else an image).
 * @param contentType with which it was pushed
 * @returns `undefined` where the type is not certain: it is no manifest type, it differs from the one that the manifest
 *   states, or registries may read the fields in two ways
 */
export function servedMediaType(contentType: string | null, content: Uint8Array): string | undefined {
  if (contentType === null || !MANIFEST_TYPES.includes(contentType)) return undefined;
  const fields = fieldsIn(content);
  if (!fields) return undefined;
  const mediaType = fields.mediaType === undefined ? typeByFields(fields) : fields.mediaType;
  return mediaType === contentType ? contentType : undefined;
}

/** @returns `undefined` for anything but an object, and where Go would read a field as one of the type fields */
function fieldsIn(content: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(content));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    const isCertain = Object.keys(parsed).every((name) => TYPE_FIELDS.has(name) || !READ_AS_TYPE_FIELD.test(name));
    return isCertain ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function typeByFields({ manifests, config, layers }: Readonly<Record<string, unknown>>): string | undefined {
  const isIndex = Array.isArray(manifests) && config === undefined && layers === undefined;
  if (isIndex) return INDEX_TYPE;
  return manifests === undefined && typeof config === 'object' && config !== null ? IMAGE_TYPE : undefined;
}

/** Digests beyond this number are ignored: no image that people push names as many. */
export const MAX_NAMED = 1_000;
const DIGESTS = /sha(?:256|384|512):[0-9a-f]+/g;

/** Returns the digests in a text, such as a manifest or an error about one, each once, in their order. */
export function digestsIn(text: string): Set<Digest> {
  return new Set([...(text.match(DIGESTS) ?? [])].filter(isDigest));
}
