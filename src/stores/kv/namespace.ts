import { within } from '../../async.ts';
import { STORE_TIMEOUT_MS } from '../options.ts';

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

/** Waits for an operation on KV, which cannot be aborted. @throws Error it takes longer than `timeoutMs` */
export async function withTimeout<T>(work: Promise<T>, timeoutMs = STORE_TIMEOUT_MS): Promise<T> {
  const done = await within(
    work.then((value) => ({ value })),
    timeoutMs,
  );
  if (!done) throw new Error(`no answer within ${timeoutMs} ms`);
  return done.value;
}
