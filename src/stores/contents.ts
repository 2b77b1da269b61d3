import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';

/**
 * Small content by its digest: manifests. What a digest stands for is the same in every repository; whether a caller may
 * have it, and whether it is still there, a descriptor of the repository tells.
 */
export interface Contents {
  /**
   * @param sizeOf how many bytes it has, where that is known; asked only where it matters
   * @returns what the digest stands for, verified; `undefined` where it is not kept
   * @throws CacheFault; NoRoom it was not read, and may be there
   */
  get(ctx: RequestContext, digest: Digest, sizeOf?: () => Promise<number | undefined>): Promise<Uint8Array | undefined>;
  /** Keeps content that was verified; what a store has no room for it leaves out. @throws CacheFault */
  put(ctx: RequestContext, digest: Digest, content: Uint8Array): Promise<void>;
  /** What `get` would answer, where that is known at once. */
  peek?(ctx: RequestContext, digest: Digest): Uint8Array | undefined;
}

export interface RawContent {
  readonly content: Uint8Array;
  /**
   * Lets it live on, once it is found sound: content that is read has to be there as long as its descriptor, which the
   * origin confirms anew. Absent where there is no need.
   */
  renew?: (() => Promise<void>) | undefined;
}

/** What a backend has to do. */
export interface RawContents {
  /** @throws BadRecord what is there is no content */
  read(ctx: RequestContext, digest: Digest): Promise<RawContent | undefined>;
  write(ctx: RequestContext, digest: Digest, content: Uint8Array): Promise<void>;
  remove(digest: Digest): Promise<void>;
}
