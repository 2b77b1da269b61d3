import { type Entry, isDescriptorFor, parseWholeNumber } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, isDigest } from '../oci/digest.ts';
import { BLOB_TYPE } from '../oci/mediaTypes.ts';

/**
 * What a 200 to a HEAD or GET of a blob says of it, or `undefined` where its size is not certain: no Content-Length,
 * an encoded body, another blob's digest.
 * @param answered the digest that was asked for
 */
export function entryOf(response: Response, answered: Digest, sentAt: number): Entry | undefined {
  if (response.status !== 200) return undefined;
  return entryOfSize(response, answered, parseWholeNumber(response.headers.get('content-length')), sentAt);
}

/**
 * What the answer to a GET of a blob's first byte says of it: the length of a 206 is the range's, so the size is the
 * one after the slash; an empty blob has no first byte (416, size 0); a 200 ignored the range.
 */
export function entryOfFirstByte(response: Response, answered: Digest, sentAt: number): Entry | undefined {
  if (response.status === 200) return entryOf(response, answered, sentAt);
  const range = response.headers.get('content-range') ?? '';
  if (response.status === 206) {
    const size = /^bytes 0-0\/([0-9]+)$/.exec(range)?.[1];
    return entryOfSize(response, answered, parseWholeNumber(size), sentAt);
  }
  if (response.status === 416 && range === 'bytes */0') {
    // The media type of a refusal is the error's.
    const descriptor = { digest: answered, size: 0, mediaType: BLOB_TYPE };
    return isDescriptorFor(answered, descriptor) ? { descriptor, verifiedAt: sentAt } : undefined;
  }
  return undefined;
}

function entryOfSize({ headers }: Response, answered: Digest, size: number | undefined, sentAt: number) {
  // A coding's length is not the content's.
  if (size === undefined || headers.has('content-encoding')) return undefined;
  const mediaType = headers.get('content-type') ?? BLOB_TYPE;
  const digest = headers.get('docker-content-digest') ?? answered;
  if (!isDigest(digest) || !isDescriptorFor(answered, { digest, size, mediaType })) return undefined;
  return { descriptor: { digest, size, mediaType }, verifiedAt: sentAt };
}

/**
 * The digest that the origin names for what was asked by another algorithm's; content has only one of each algorithm.
 * @param asked the digest that was asked for
 */
export function canonicalOf(headers: Headers, asked: Digest): Digest {
  const named = headers.get('docker-content-digest') ?? '';
  return isDigest(named) && algorithmOf(named) !== algorithmOf(asked) ? named : asked;
}

/** For people, to sign in perhaps: no content. */
export function isPage({ headers }: Response): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)\b/i.test(headers.get('content-type') ?? '');
}

/** RFC 9211: a cache on the way, another edge perhaps, answered. */
const CACHE_HIT = /;\s*hit\s*(?:=\s*\?1\s*)?(?:[;,]|$)/;
/** Values of CF-Cache-Status for which Cloudflare asked nobody. */
const CLOUDFLARE_CACHE = /\b(?:HIT|STALE|UPDATING)\b/i;

/**
 * Whether the registry itself spoke, now: what a cache on the way repeats confirms nothing, neither content nor access, and
 * neither does the page of a sign-on before it.
 */
export function isFirstHand(response: Response): boolean {
  const { headers } = response;
  const isAged = (headers.get('age') ?? '0').trim() !== '0';
  return (
    !isAged &&
    !isPage(response) &&
    !CLOUDFLARE_CACHE.test(headers.get('cf-cache-status') ?? '') &&
    !CACHE_HIT.test(headers.get('cache-status') ?? '')
  );
}
