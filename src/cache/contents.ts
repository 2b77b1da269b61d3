import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import { isContentOf } from '../oci/hash.ts';
import { asCacheFault, BadRecord } from '../stores/faults.ts';
import type { Store } from '../stores/store.ts';
import { observeStat } from './judge.ts';

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
  readonly peek: ((ctx: RequestContext, digest: Digest) => Uint8Array | undefined) | undefined;
}

/**
 * Verifies the content of a store, unless it is this isolate's own. Corrupted content is removed from the store, and is
 * a miss.
 */
export function createContents({ name: store, isShared, contents: records, peek }: Store): Contents {
  async function readVerified(ctx: RequestContext, digest: Digest): Promise<Uint8Array | undefined> {
    const found = await records.read(ctx, digest).catch(badRecordAsValue);
    if (!found) return undefined;
    if (!(found instanceof BadRecord) && (!isShared || (await isContentOf(digest, found.content)))) {
      if (found.renew) ctx.waitUntil(found.renew());
      return found.content;
    }
    ctx.log.warn('corrupted content', { store, digest });
    await records.remove(ctx, digest).catch(() => undefined);
    return undefined;
  }
  return {
    get: (ctx, digest) => observeStat(ctx, store, () => readVerified(ctx, digest)),
    put: (ctx, digest, content) => asCacheFault('put', () => records.write(ctx, digest, content)),
    peek: peek?.content,
  };
}

/** @throws every other fault */
function badRecordAsValue(fault: unknown): BadRecord {
  if (fault instanceof BadRecord) return fault;
  throw fault;
}
