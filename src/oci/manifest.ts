import { type Digest, isDigest } from './digest.ts';
import { MANIFEST_TYPES } from './mediaTypes.ts';

const IMAGE_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
/** What registries tell a manifest's type by; Go's JSON decoder takes no notice of case. */
const TELLING = new Set(['mediaType', 'manifests', 'config', 'layers']);
const READ_AS_TELLING = /^(?:mediaType|manifests|config|layers)$/iu;

/**
 * The media type under which a registry gives back a manifest that it has taken. Registries keep no type beside a manifest:
 * it is the one that the manifest states, or what its fields make it (distribution: an index if it has `manifests`, else an
 * image), whatever it was pushed as.
 * @param contentType with which it was pushed
 * @returns `undefined` where that is not certain: a type of another kind, not the one that the manifest states, or fields that
 *   registries may read in two ways
 */
export function mediaTypeOf(contentType: string | null, content: Uint8Array): string | undefined {
  if (contentType === null || !MANIFEST_TYPES.includes(contentType)) return undefined;
  const fields = fieldsIn(content);
  if (!fields) return undefined;
  const given = fields.mediaType === undefined ? typeByFields(fields) : fields.mediaType;
  return given === contentType ? contentType : undefined;
}

/** @returns `undefined` for what is no object, or has a field that Go would take for one of those that tell the type */
function fieldsIn(content: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(content));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    const isCertain = Object.keys(parsed).every((name) => TELLING.has(name) || !READ_AS_TELLING.test(name));
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

/** Of more digests than this the rest is left: no image that people push names as many. */
export const MAX_NAMED = 1_000;
const DIGESTS = /sha(?:256|384|512):[0-9a-f]+/g;

/** The digests in a text, such as a manifest or an error about one, each once, in their order. */
export function digestsIn(text: string): Set<Digest> {
  return new Set([...(text.match(DIGESTS) ?? [])].filter(isDigest));
}
