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
  /**
   * Of a manifest: the method whose answer alone told the media type, since an origin may tell a HEAD another one than a GET
   * (Artifactory says `application/octet-stream`). Absent where both told the same, and for blobs.
   */
  readonly witness?: Method | undefined;
}

export type Method = 'HEAD' | 'GET';

/** What a store has of the method. @throws TypeError no setter wrote it */
export function parseMethod(text: unknown): Method | undefined {
  if (text === undefined || text === null || text === '') return undefined;
  if (text !== 'HEAD' && text !== 'GET') throw new TypeError('not the method of an answer');
  return text;
}

/** The entry alone, without content. Two confirmations of one descriptor, by a HEAD and by a GET, are one by both. */
export function confirmedBy({ descriptor, verifiedAt, witness }: Entry, known: Entry | undefined): Entry {
  const isSame = known !== undefined && isSameDescriptor(known.descriptor, descriptor);
  const isByBoth = witness === undefined || (isSame && known.witness !== witness);
  return { descriptor, verifiedAt, ...(!isByBoth && { witness }) };
}

export function isSameDescriptor(one: Descriptor, other: Descriptor): boolean {
  return one.digest === other.digest && one.size === other.size && one.mediaType === other.mediaType;
}

/** An entry with the content itself. */
export interface ContentEntry extends Entry {
  readonly content: Uint8Array;
}

const MAX_MEDIA_TYPE_CHARACTERS = 255;
/** RFC 9110 §8.3.1: `type/subtype` and visible parameters; a line break can never pass. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[ -~]*)?$/;

export function isMediaType(text: string): boolean {
  return text.length <= MAX_MEDIA_TYPE_CHARACTERS && MEDIA_TYPE.test(text);
}

/** A count of bytes, or a time in epoch ms. */
export function isWholeNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

const DECIMAL = /^[0-9]{1,16}$/;

/** A whole number in decimal, as in Content-Length; `undefined` where the text is none. */
export function parseWholeNumber(text: string | null | undefined): number | undefined {
  if (!text || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return isWholeNumber(value) ? value : undefined;
}

/** Nothing has one digest of each algorithm, and only it has no bytes. A size of 0 elsewhere is a server's mistake. */
const EMPTY = new Set([
  'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b',
  'sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
]);

/** @throws RegistryError as `checkEntry` */
function checkDescriptor(digest: Digest, { digest: canonical, size, mediaType }: Descriptor): void {
  if (parseDigest(canonical) !== digest && algorithmOf(canonical) === algorithmOf(parseDigest(digest))) {
    throw new RegistryError('DIGEST_INVALID', {
      message: 'the digests of key and descriptor differ but their algorithm does not',
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

/** Whether a descriptor can be what `digest` stands for. */
export function isDescriptorFor(digest: Digest, descriptor: Descriptor): boolean {
  try {
    checkDescriptor(digest, descriptor);
    return true;
  } catch {
    return false;
  }
}

/**
 * Refuses an entry that may not be stored under `digest`, or come out of a store for it: a descriptor that is not one, a
 * digest of the same algorithm and another value (content has one digest of each algorithm), a size that content with
 * that digest cannot have.
 * @throws RegistryError DIGEST_INVALID, SIZE_INVALID, MANIFEST_INVALID
 */
export function checkEntry(digest: Digest, { descriptor, verifiedAt }: Entry): void {
  checkDescriptor(digest, descriptor);
  if (!isWholeNumber(verifiedAt)) {
    throw new RegistryError('UNKNOWN', { message: 'verifiedAt is no time', detail: { digest } });
  }
}
