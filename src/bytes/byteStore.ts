import type { Backend } from '../config/backend.ts';
import type { Part } from '../http/ranges.ts';
import type { Digest } from '../oci/digest.ts';

/** A blob that is about to be stored. */
export interface NewBytes {
  readonly digest: Digest;
  /** In bytes, above 0. */
  readonly size: number;
  /** A stream that knows its length, such as that of a `FixedLengthStream`. */
  readonly body: ReadableStream<Uint8Array>;
}

/** A stored blob, or a part of it. */
export interface StoredBytes {
  /** The size of the whole blob in bytes. */
  readonly size: number;
  /** Has to be read or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
}

/**
 * Keeps blobs by their digest, once for all repositories of all upstreams: whoever reads here has decided before that
 * the caller may have the blob from a repository that has it. Every method may throw anything where the store fails.
 */
export interface ByteStore {
  /** Its name in events and in `Cache-Status`. */
  readonly name: string;
  /** Returns the size of a stored blob in bytes. */
  sizeOf(digest: Digest): Promise<number | undefined>;
  /** Opens a stored blob. @param part absent: the whole */
  open(digest: Digest, part?: Part): Promise<StoredBytes | undefined>;
  /**
   * Stores a blob, only as a whole and only if it matches its digest. What is not stored leaves nothing behind.
   * @throws WrongBytes: all of the body was read, and does not match
   */
  put(bytes: NewBytes): Promise<void>;
  /** Removes a blob; it may be absent. */
  delete(digest: Digest): Promise<void>;
}

/** A kind of store that `BLOB_STORE` may name: a file here, and a line in `assembleBytes.ts`. */
export type ByteBackend = Backend<ByteStore>;

/** The bytes do not match the digest under which they were to be stored. */
export class WrongBytes extends Error {
  override readonly name = 'WrongBytes';
}
