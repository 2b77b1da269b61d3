/**
 * The media type of content that states none (RFC 9110 §8.3). Registries serve blobs with it, since a blob has no media
 * type until a manifest gives it one.
 */
export const BLOB_TYPE = 'application/octet-stream';

/** Reads an `Accept` (RFC 9110 §12.5.1) as registries do: the media types between the commas, compared exactly. */
function mediaTypesIn(accept: string): string[] {
  return accept.split(',').flatMap((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return type === '' || parameters.some((parameter) => /^q=0(?:\.0*)?$/i.test(parameter)) ? [] : [type];
  });
}

/**
 * Whether an `Accept` names this media type. A wildcard names none, and neither does a missing header: registries
 * disagree on those (docker-registry 2.8.2 serves no OCI manifest for `*\/*`), so the origin has to answer.
 */
export function accepts(accept: string | null, mediaType: string): boolean {
  const [wanted = ''] = mediaType.split(';');
  return accept !== null && mediaTypesIn(accept).includes(wanted.trim());
}

/** The media types of manifests: those of the image-spec and those of Docker. */
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** What every client of today accepts: manifests and indexes of images. */
export const IMAGE_TYPES = MANIFEST_TYPES.filter((type) => type !== 'application/vnd.oci.artifact.manifest.v1+json');

/** An `Accept` for every manifest. */
export const ALL_MANIFESTS = [...MANIFEST_TYPES, '*/*'].join(', ');

/** The media ranges that registry clients send. */
const KNOWN_RANGES = new Set([
  ...MANIFEST_TYPES,
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/json',
  '*/*',
  '',
]);

/** White space within a range stays, since to a registry it makes another media type. */
function rangesIn(accept: string | null): string[] {
  return [...new Set((accept ?? '').split(',').map((range) => range.replace(/^[ \t]+|[ \t]+$/g, '')))].sort();
}

/**
 * Returns the normal form of an `Accept`, which does not depend on the order (docker's is random): it names the
 * variant.
 */
export function variantOf(accept: string | null): string {
  return rangesIn(accept).join(',');
}

/** The media types that every client of today names, docker, containerd and podman among them. */
const TYPES_OF_TODAY = MANIFEST_TYPES.filter((type) => !type.includes('artifact'));
/** As `typesOfToday`, of every `Accept` that names all of them. */
export const ALL_TYPES_OF_TODAY = TYPES_OF_TODAY.join();

/**
 * Returns which media types of today an `Accept` names. These are no more sets than a store keeps variants of a tag, so
 * nobody crowds one of them out.
 */
export function typesOfToday(accept: string | null): string {
  return TYPES_OF_TODAY.filter((type) => accepts(accept, type)).join();
}

/** Whether an `Accept` has only ranges that registry clients send. Variants of made-up ones are not worth storing. */
export function isCommonVariant(accept: string | null): boolean {
  return rangesIn(accept).every((range) => KNOWN_RANGES.has(range));
}
