/** The methods of a KV namespace that the edge uses; the binding `DESCRIPTORS`. */
export type DescriptorNamespace = Pick<KVNamespace, 'get' | 'getWithMetadata' | 'put' | 'delete' | 'list'>;

/** KV rejects a shorter expiration. */
const MIN_EXPIRATION_SECONDS = 60;
/**
 * How long a place may keep returning what it read before, including a miss or a missing tombstone. This is the minimum
 * that KV allows.
 */
export const CACHE_TTL_SECONDS = 30;

/** Returns the option of a put with which KV keeps the value for `ms`, or for the least time that it allows. */
export function kvExpiration(ms: number): { expirationTtl: number } {
  return { expirationTtl: Math.max(MIN_EXPIRATION_SECONDS, Math.ceil(ms / 1000)) };
}
