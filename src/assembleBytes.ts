import type { ByteBackend, ByteStore } from './bytes/byteStore.ts';
import { r2Backend } from './bytes/r2.ts';
import { createBreaker } from './cache/guarded.ts';
import type { BytesConfig } from './config/bytes.ts';
import { createOpenFills } from './isolate/openFills.ts';
import type { BlobBytes } from './upstream/blobBytes.ts';

/** The stores of bytes that `BLOB_STORE` may name. */
export const BYTE_BACKENDS: readonly ByteBackend[] = [r2Backend];

/** Creates what all upstreams of an isolate share to keep bytes of blobs. */
export function createBytes({ store, maxBytes, fill }: BytesConfig<ByteStore>): BlobBytes {
  return {
    ...{ store, maxBytes, breaker: createBreaker(), fills: createOpenFills() },
    fillsFromPulls: fill !== 'push',
    fillsFromPushes: fill !== 'pull',
  };
}
