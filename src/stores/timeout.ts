import { within } from '../async.ts';
import { STORE_TIMEOUT_MS } from './options.ts';

/** Waits for an operation on a store that cannot be aborted. @throws Error it takes longer than `timeoutMs` */
export async function withTimeout<T>(work: Promise<T>, timeoutMs = STORE_TIMEOUT_MS): Promise<T> {
  const done = await within(
    work.then((value) => ({ value })),
    timeoutMs,
  );
  if (!done) throw new Error(`no answer within ${timeoutMs} ms`);
  return done.value;
}
