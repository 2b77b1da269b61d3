/** RFC 9110 §12.5.1, as far as registries look at it: the media types between the commas, letter for letter. */
function mediaTypesIn(accept: string): string[] {
  return accept.split(',').flatMap((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return type === '' || parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter)) ? [] : [type];
  });
}

/**
 * Whether a caller names this media type among those that it takes. Wildcards and no `Accept` at all name none: registries
 * answer those differently (docker-registry 2.8.2 has no OCI manifest for `*\/*`), so the origin has to.
 */
export function takes(accept: string | null, mediaType: string): boolean {
  const [wanted = ''] = mediaType.split(';');
  return accept !== null && mediaTypesIn(accept).includes(wanted.trim());
}

/** Callers who take the same get the same: the one form of an `Accept`, whatever the order (docker's is random). */
export function varietyOf(accept: string | null): string {
  const ranges = (accept ?? '').split(',').map((range) => range.replace(/\s+/g, ''));
  return [...new Set(ranges)].sort().join(',');
}
