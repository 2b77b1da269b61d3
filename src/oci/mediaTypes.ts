/**
 * RFC 9110 §8.3: content without a media type may be taken for this. Registries mean it: what they keep has none until a
 * manifest gives it one.
 */
export const BLOB_TYPE = 'application/octet-stream';

/** RFC 9110 §12.5.1, as far as registries look at it: the media types between the commas, letter for letter. */
function mediaTypesIn(accept: string): string[] {
  return accept.split(',').flatMap((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return type === '' || parameters.some((parameter) => /^q=0(?:\.0*)?$/i.test(parameter)) ? [] : [type];
  });
}

/**
 * Whether a caller names this media type among those that it takes. Wildcards and no `Accept` at all name none: registries
 * answer those differently (docker-registry 2.8.2 has no OCI manifest for `*\/*`), so the origin has to.
 */
export function accepts(accept: string | null, mediaType: string): boolean {
  const [wanted = ''] = mediaType.split(';');
  return accept !== null && mediaTypesIn(accept).includes(wanted.trim());
}

/** Of manifests: image-spec, and distribution's own. */
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** An `Accept` of who takes whatever is there. */
export const ALL_MANIFESTS = [...MANIFEST_TYPES, '*/*'].join(', ');

/** What registry clients take, and what they say beside it. */
const KNOWN_RANGES = new Set([
  ...MANIFEST_TYPES,
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/json',
  '*/*',
  '',
]);

/** White space inside of one stays: to a registry that is another media type. */
function rangesIn(accept: string | null): string[] {
  return [...new Set((accept ?? '').split(',').map((range) => range.replace(/^[ \t]+|[ \t]+$/g, '')))].sort();
}

/** Callers who take the same get the same: the one form of an `Accept`, whatever the order (docker's is random). */
export function variantOf(accept: string | null): string {
  return rangesIn(accept).join(',');
}

/** Whether an `Accept` is one of the few that clients send: what others make up is nothing to keep apart. */
export function isCommonVariant(accept: string | null): boolean {
  return rangesIn(accept).every((range) => KNOWN_RANGES.has(range));
}
