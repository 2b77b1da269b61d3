import { type Entry, isMediaType, parseSize } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, isDigest } from '../oci/digest.ts';

/** RFC 9110 §8.3: content without a media type may be taken for this; registries mean it. */
const UNKNOWN_MEDIA_TYPE = 'application/octet-stream';

/**
 * What a 200 to a HEAD or GET of a blob says of it, or `undefined` where its size is not certain: no Content-Length,
 * an encoded body, another blob's digest.
 * @param answered the digest that was asked for
 */
export function entryOf(response: Response, answered: Digest, sentAt: number): Entry | undefined {
  if (response.status !== 200 || response.headers.has('content-encoding')) return undefined;
  return entryOfSize(response, answered, parseSize(response.headers.get('content-length')), sentAt);
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
    return entryOfSize(response, answered, parseSize(size), sentAt);
  }
  if (response.status === 416 && range === 'bytes */0') {
    // The media type of a refusal is the error's.
    return { descriptor: { digest: answered, size: 0, mediaType: UNKNOWN_MEDIA_TYPE }, verifiedAt: sentAt };
  }
  return undefined;
}

function entryOfSize(response: Response, answered: Digest, size: number | undefined, sentAt: number) {
  if (size === undefined) return undefined;
  const mediaType = response.headers.get('content-type') ?? UNKNOWN_MEDIA_TYPE;
  const digest = response.headers.get('docker-content-digest') ?? answered;
  if (!isMediaType(mediaType) || !isDigest(digest)) return undefined;
  // Content has one digest of each algorithm: this answer is about something else.
  if (digest !== answered && algorithmOf(digest) === algorithmOf(answered)) return undefined;
  return { descriptor: { digest, size, mediaType }, verifiedAt: sentAt };
}

/** RFC 9211: a cache on the way, another edge perhaps, answered. */
const CACHE_HIT = /;\s*hit\s*(?:;|,|$)/;
const CLOUDFLARE_ANSWERS_FROM_CACHE = new Set(['HIT', 'STALE', 'UPDATING']);

/** Whether the origin itself spoke, now: what a cache on the way repeats confirms nothing, neither content nor access. */
export function isFirstHand({ headers }: Response): boolean {
  if (Number(headers.get('age') ?? 0) > 0) return false;
  if (CLOUDFLARE_ANSWERS_FROM_CACHE.has(headers.get('cf-cache-status') ?? '')) return false;
  return !CACHE_HIT.test(headers.get('cache-status') ?? '');
}
