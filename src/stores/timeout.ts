import { within } from '../async.ts';
import { STORE_TIMEOUT_MS } from './options.ts';

const LATE = Symbol('late');

/** Waits for an operation on a store that cannot be aborted. @throws Error it takes longer than `timeoutMs` */
export async function withTimeout<T>(work: Promise<T>, timeoutMs = STORE_TIMEOUT_MS): Promise<T> {
  const done = await within(work, timeoutMs, LATE);
  if (done === LATE) throw new Error(`no answer within ${timeoutMs} ms`);
  return done as T;
}
