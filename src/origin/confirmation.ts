import { isRedirect } from '../http/redirects.ts';
import { type Entry, isDescriptorFor, parseWholeNumber } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, isDigest } from '../oci/digest.ts';
import { BLOB_TYPE } from '../oci/mediaTypes.ts';

/**
 * Reads the entry that a 200 to a HEAD or GET of a blob confirms.
 * @returns `undefined` where the size is not certain: no Content-Length, an encoded body, the digest of another blob
 */
export function entryOf(response: Response, requested: Digest, sentAt: number): Entry | undefined {
  if (response.status !== 200) return undefined;
  return entryOfSize(response, requested, parseWholeNumber(response.headers.get('content-length')), sentAt);
}

/**
 * Reads the entry that the answer to a GET of a blob's first byte confirms. The Content-Length of a 206 is that of the
 * range, so the size is the number after the slash. An empty blob has no first byte (416, size 0). A 200 ignored the
 * range.
 */
export function entryOfFirstByte(response: Response, requested: Digest, sentAt: number): Entry | undefined {
  if (response.status === 200) return entryOf(response, requested, sentAt);
  const range = response.headers.get('content-range') ?? '';
  if (response.status === 206) {
    const size = /^bytes 0-0\/([0-9]+)$/.exec(range)?.[1];
    return entryOfSize(response, requested, parseWholeNumber(size), sentAt);
  }
  if (response.status === 416 && range === 'bytes */0') {
    // The Content-Type of a 416 is that of the error.
    const descriptor = { digest: requested, size: 0, mediaType: BLOB_TYPE };
    return isDescriptorFor(requested, descriptor) ? { descriptor, verifiedAt: sentAt } : undefined;
  }
  return undefined;
}

function entryOfSize({ headers }: Response, requested: Digest, size: number | undefined, sentAt: number) {
  // The length of an encoded body is not that of the content.
  if (size === undefined || headers.has('content-encoding')) return undefined;
  const mediaType = headers.get('content-type') ?? BLOB_TYPE;
  const digest = headers.get('docker-content-digest') ?? requested;
  if (!isDigest(digest) || !isDescriptorFor(requested, { digest, size, mediaType })) return undefined;
  return { descriptor: { digest, size, mediaType }, verifiedAt: sentAt };
}

/** Returns the size of the whole content that a 200 or 206 states; `undefined` where it is not certain. */
export function sizeOf({ status, headers }: Response): number | undefined {
  if (headers.has('content-encoding')) return undefined;
  if (status === 200) return parseWholeNumber(headers.get('content-length'));
  if (status !== 206) return undefined;
  return parseWholeNumber(/^bytes [0-9]+-[0-9]+\/([0-9]+)$/.exec(headers.get('content-range') ?? '')?.[1]);
}

/**
 * Returns the canonical digest of requested content: the one that the origin names, if its algorithm is another one.
 * Content has only one digest of each algorithm.
 */
export function canonicalOf(headers: Headers, requested: Digest): Digest {
  const named = headers.get('docker-content-digest') ?? '';
  return isDigest(named) && algorithmOf(named) !== algorithmOf(requested) ? named : requested;
}

/** Whether a response is a page for people, such as one for signing in, and not content. */
export function isPage({ headers }: Response): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)\b/i.test(headers.get('content-type') ?? '');
}

/** RFC 9211: a cache on the way answered, perhaps another edge. */
const CACHE_HIT = /;\s*hit\s*(?:=\s*\?1\s*)?(?:[;,]|$)/;
/** The values of CF-Cache-Status with which Cloudflare did not ask the origin. */
const CLOUDFLARE_CACHE = /\b(?:HIT|STALE|UPDATING)\b/i;

/**
 * Whether the registry itself answered, and just now. An answer from a cache on the way confirms neither content nor
 * access, and neither does the page of a sign-on in front of the registry.
 */
export function isFirstHand(response: Response): boolean {
  // Go and Flask send each redirect with a page, which nobody sees.
  return !isFromCache(response) && (isRedirect(response) || !isPage(response));
}

/** Whether a cache on the way answered, perhaps with what was true some time ago. */
export function isFromCache({ headers }: Pick<Response, 'headers'>): boolean {
  return (
    (headers.get('age') ?? '0').trim() !== '0' ||
    CLOUDFLARE_CACHE.test(headers.get('cf-cache-status') ?? '') ||
    CACHE_HIT.test(headers.get('cache-status') ?? '')
  );
}
