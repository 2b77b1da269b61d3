import { algorithmOf, type Digest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';

/** A descriptor of content (OCI image-spec, descriptor.md). `size` in bytes. */
export interface Descriptor {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/**
 * A descriptor and when the origin confirmed it: `verifiedAt` is the moment (epoch ms) at which the confirmed request
 * was *sent*. It is 0 where a registry wrote the descriptor to the store, since nobody knows when.
 */
export interface Entry {
  readonly descriptor: Descriptor;
  readonly verifiedAt: number;
  /**
   * For manifests: the only method whose answer stated this media type, since an origin may answer a HEAD with another
   * one than a GET (Artifactory says `application/octet-stream`). Absent where both stated the same, and for blobs.
   */
  readonly witness?: Method | undefined;
}

export type Method = 'HEAD' | 'GET';

/** Reads a witness from a store. @throws TypeError: it is none that the edge wrote */
export function parseMethod(text: unknown): Method | undefined {
  if (text === undefined || text === null || text === '') return undefined;
  if (text !== 'HEAD' && text !== 'GET') throw new TypeError('invalid witness: expected HEAD or GET');
  return text;
}

/**
 * Returns the new entry, without content, as confirmed together with the stored one: if a HEAD and a GET confirmed the
 * same descriptor, it has no single witness.
 */
export function mergeConfirmations({ descriptor, verifiedAt, witness }: Entry, stored: Entry | undefined): Entry {
  const isSame = stored !== undefined && isSameDescriptor(stored.descriptor, descriptor);
  const isByBoth = witness === undefined || (isSame && stored.witness !== witness);
  return { descriptor, verifiedAt, ...(!isByBoth && { witness }) };
}

export function isSameDescriptor(one: Descriptor, other: Descriptor): boolean {
  return one.digest === other.digest && one.size === other.size && one.mediaType === other.mediaType;
}

/** An entry with the content. */
export interface ContentEntry extends Entry {
  readonly content: Uint8Array;
}

const MAX_MEDIA_TYPE_CHARACTERS = 255;
/** RFC 9110 §8.3.1: `type/subtype` and printable parameters, never a line break. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[ -~]*)?$/;

export function isMediaType(text: string): boolean {
  return text.length <= MAX_MEDIA_TYPE_CHARACTERS && MEDIA_TYPE.test(text);
}

/** Whether a number can be a count of bytes, or a time in epoch ms. */
export function isWholeNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

const DECIMAL = /^[0-9]{1,16}$/;

/** Reads a whole number in decimal, as in Content-Length. @returns `undefined` for any other text */
export function parseWholeNumber(text: string | null | undefined): number | undefined {
  if (!text || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return isWholeNumber(value) ? value : undefined;
}

/**
 * The digests of empty content: the only ones for which size 0 is valid. Elsewhere a size of 0 is a server's mistake.
 */
const EMPTY = new Set([
  'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b',
  'sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
]);

/** @throws RegistryError as `checkEntry` does */
function checkDescriptor(digest: Digest, { digest: canonical, size, mediaType }: Descriptor): void {
  if (parseDigest(canonical) !== digest && algorithmOf(canonical) === algorithmOf(parseDigest(digest))) {
    throw new RegistryError('DIGEST_INVALID', {
      message: 'the descriptor has another digest of the same algorithm: content has one digest of each algorithm',
      detail: { digest, descriptor: canonical },
    });
  }
  if (!isWholeNumber(size) || (size === 0) !== EMPTY.has(canonical)) {
    throw new RegistryError('SIZE_INVALID', { detail: { digest } });
  }
  if (!isMediaType(mediaType)) {
    throw new RegistryError('MANIFEST_INVALID', {
      message: 'the media type is not valid',
      detail: { mediaType: quoted(String(mediaType)) },
    });
  }
}

/** Whether a descriptor can describe the content with this digest. */
export function isDescriptorFor(digest: Digest, descriptor: Descriptor): boolean {
  try {
    checkDescriptor(digest, descriptor);
    return true;
  } catch {
    return false;
  }
}

/**
 * Checks that an entry may be stored under `digest`, or be read from a store for it. Refused are malformed descriptors,
 * another digest of the same algorithm (content has one digest of each algorithm), and a size that content with this
 * digest cannot have.
 * @throws RegistryError DIGEST_INVALID, SIZE_INVALID, MANIFEST_INVALID; UNKNOWN: `verifiedAt` is not a time
 */
export function checkEntry(digest: Digest, { descriptor, verifiedAt }: Entry): void {
  checkDescriptor(digest, descriptor);
  if (!isWholeNumber(verifiedAt)) {
    throw new RegistryError('UNKNOWN', { message: 'verifiedAt is not a time in epoch ms', detail: { digest } });
  }
}
