import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';

/**
 * Small content by its digest: manifests. A digest names the same bytes in every repository, so content is stored once
 * for all of them. Whether a caller may read it, and whether it still exists, is decided by the repository's
 * descriptor.
 */
export interface Contents {
  /**
   * Reads the content of a digest, and verifies it.
   * @param sizeOf gives the size in bytes, if there is a descriptor; called only if the store has to know the size
   * @returns the content, or `undefined` if the store does not hold it
   * @throws CacheFault the store failed
   * @throws NoRoom the content was not read, and may be in the store
   */
  get(ctx: RequestContext, digest: Digest, sizeOf?: () => Promise<number | undefined>): Promise<Uint8Array | undefined>;
  /** Stores content that was verified. A store skips content that it has no room for. @throws CacheFault */
  put(ctx: RequestContext, digest: Digest, content: Uint8Array): Promise<void>;
  /** Returns what `get` would return, if that is known without waiting. */
  peek?(ctx: RequestContext, digest: Digest): Uint8Array | undefined;
}

/** Content as a backend holds it, not verified yet. */
export interface RawContent {
  readonly content: Uint8Array;
  /**
   * Prolongs the life of the content; called once the content is verified. Content that is in use has to live as long
   * as its descriptor, which the origin keeps confirming. Absent if there is no need.
   */
  renew?: (() => Promise<void>) | undefined;
}

/** The content that a backend stores: bytes in, bytes out, not verified. */
export interface RawContents {
  /** @throws BadRecord the stored value is not content */
  read(ctx: RequestContext, digest: Digest): Promise<RawContent | undefined>;
  write(ctx: RequestContext, digest: Digest, content: Uint8Array): Promise<void>;
  remove(digest: Digest): Promise<void>;
}
