import { lengthOf, type Part } from '../http/ranges.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import { type ByteBackend, type ByteStore, type NewBytes, type StoredBytes, WrongBytes } from './byteStore.ts';
import { type PartedBucket, putInParts } from './r2Parts.ts';

/** What is used of an R2 bucket; the binding `BLOBS`. */
export interface BlobBucket extends PartedBucket {
  head(key: string): Promise<{ readonly size: number } | null>;
  get(key: string, options?: { readonly range: BucketRange }): Promise<StoredBytes | null>;
  /** @param checksum by the name of its algorithm, in hex */
  put(key: string, body: ReadableStream<Uint8Array>, checksum: Readonly<Record<string, string>>): Promise<unknown>;
  delete(key: string): Promise<void>;
}

interface BucketRange {
  readonly offset: number;
  readonly length: number;
}

/** `BLOB_STORE=r2`: R2, with the binding `BLOBS`. */
export const r2Backend: ByteBackend = {
  kind: 'r2',
  variables: [],
  configure(settings) {
    const bucket = settings.binding<BlobBucket>('BLOBS', 'an R2 bucket');
    return bucket && createR2Bytes(bucket);
  },
};

/** R2 accepts 5 GiB in one put; the margin is for what it counts in addition. */
const MAX_PUT_BYTES = 5 * 1024 ** 3 - 5 * 1024 ** 2;
/** R2 accepts at most 10,000 parts, of 5 MiB or more. */
const PART_BYTES = 128 * 1024 ** 2;

/** Sizes in bytes. */
export interface R2Limits {
  /** Larger blobs are stored in parts. */
  readonly maxPutBytes: number;
  readonly partBytes: number;
}

/** R2's code for a checksum that differs ("BadDigest"), which ends its message. */
const BAD_DIGEST = /\(10037\)$/;

/**
 * Keeps blobs in R2, under `blobs/<algorithm>/<hex>`. R2 itself verifies the digest of a put, which costs the Worker no
 * CPU; only what is stored in parts is hashed here.
 */
export function createR2Bytes(
  bucket: BlobBucket,
  limits: R2Limits = { maxPutBytes: MAX_PUT_BYTES, partBytes: PART_BYTES },
): ByteStore {
  return {
    name: 'r2',
    sizeOf: async (digest) => (await bucket.head(keyOf(digest)))?.size,
    async open(digest, part) {
      const object = await bucket.get(keyOf(digest), part ? { range: r2Range(part) } : undefined);
      return object ? { size: object.size, body: object.body } : undefined;
    },
    async put(bytes) {
      const key = keyOf(bytes.digest);
      if (bytes.size > limits.maxPutBytes) return putInParts(bucket, key, { ...bytes, partBytes: limits.partBytes });
      await bucket.put(key, bytes.body, checksumOf(bytes)).catch((cause) => {
        throw BAD_DIGEST.test(String(cause?.message)) ? new WrongBytes('R2 refused the bytes', { cause }) : cause;
      });
    },
    delete: (digest) => bucket.delete(keyOf(digest)),
  };
}

function keyOf(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function r2Range(part: Part): BucketRange {
  return { offset: part.first, length: lengthOf(part) };
}

/** R2 verifies every algorithm that a digest of a registry may have. */
function checksumOf({ digest }: NewBytes): Record<string, string> {
  const algorithm = algorithmOf(digest);
  return { [algorithm]: digest.slice(algorithm.length + 1) };
}
