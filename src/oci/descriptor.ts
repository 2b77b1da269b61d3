import { algorithmOf, type Digest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';

/** Content told apart from its bytes: OCI image-spec, descriptor.md. `size` in bytes. */
export interface Descriptor {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/**
 * A descriptor and when it was last known to be true: `verifiedAt` is the moment (epoch ms) at which the request that
 * the origin confirmed was *sent*; 0 where nobody knows, since a registry wrote it.
 */
export interface Entry {
  readonly descriptor: Descriptor;
  readonly verifiedAt: number;
}

const MAX_MEDIA_TYPE_CHARACTERS = 255;
/** RFC 9110 §8.3.1: `type/subtype` and visible parameters; a line break can never pass. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[ -~]*)?$/;

export function isMediaType(text: string): boolean {
  return text.length <= MAX_MEDIA_TYPE_CHARACTERS && MEDIA_TYPE.test(text);
}

/** Bytes that a blob can have. */
export function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

const DECIMAL = /^[0-9]{1,16}$/;

/** A size written in decimal, as in Content-Length; `undefined` where the text is none. */
export function parseSize(text: string | null | undefined): number | undefined {
  if (!text || !DECIMAL.test(text)) return undefined;
  const size = Number(text);
  return isSize(size) ? size : undefined;
}

/**
 * Refuses an entry that may not be stored under `digest`, or come out of a store for it: a descriptor that is not one,
 * or a digest of the same algorithm and another value (content has one digest of each algorithm).
 * @throws RegistryError DIGEST_INVALID, SIZE_INVALID, MANIFEST_INVALID
 */
export function checkEntry(digest: Digest, { descriptor, verifiedAt }: Entry): void {
  const canonical = parseDigest(descriptor.digest);
  if (canonical !== digest && algorithmOf(canonical) === algorithmOf(parseDigest(digest))) {
    throw new RegistryError('DIGEST_INVALID', {
      message: 'the digests of key and descriptor differ but their algorithm does not',
      detail: { digest, descriptor: canonical },
    });
  }
  if (!isSize(descriptor.size)) throw new RegistryError('SIZE_INVALID', { detail: { digest } });
  if (!isMediaType(descriptor.mediaType)) {
    throw new RegistryError('MANIFEST_INVALID', {
      message: 'the media type is not valid',
      detail: { mediaType: quoted(descriptor.mediaType) },
    });
  }
  if (!isSize(verifiedAt)) throw new RegistryError('UNKNOWN', { message: 'verifiedAt is no time', detail: { digest } });
}
