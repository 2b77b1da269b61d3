import { within } from '../../async.ts';
import { STORE_TIMEOUT_MS } from '../options.ts';

/** The part of a KV namespace that is used; the binding `DESCRIPTORS`. */
export type DescriptorNamespace = Pick<KVNamespace, 'get' | 'getWithMetadata' | 'put' | 'delete' | 'list'>;

/** KV refuses a shorter life. */
const MIN_EXPIRATION_SECONDS = 60;
/** How long a place may go on answering what it read, a miss or a missing tombstone too: the least that KV allows. */
export const CACHE_TTL_SECONDS = 30;

/** How long KV keeps what is written. */
export function kvLife(ms: number): { expirationTtl: number } {
  return { expirationTtl: Math.max(MIN_EXPIRATION_SECONDS, Math.ceil(ms / 1000)) };
}

/** KV has no way to be told to give up. */
export async function inTime<T>(work: Promise<T>, timeoutMs = STORE_TIMEOUT_MS): Promise<T> {
  const done = await within(
    work.then((value) => ({ value })),
    timeoutMs,
  );
  if (!done) throw new Error(`no answer within ${timeoutMs} ms`);
  return done.value;
}
