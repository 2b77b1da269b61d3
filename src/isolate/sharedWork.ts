import { within } from '../async.ts';
import type { RequestContext } from '../context.ts';

/**
 * Does a piece of work, or waits, for a bounded time, for another request of this isolate that is doing the same.
 * @param key what distinguishes the work
 */
export type SharedWork<T> = (ctx: RequestContext, key: string, work: () => Promise<T>) => Promise<T>;

/** After this a request does the work itself: the platform may have ended the one that it waits for. */
const FOLLOW_MS = 10_000;
const MAX_SHARED = 1_000;

/** Creates what lets requests share work. They pass each other plain data, never I/O. */
export function createSharedWork<T extends object>(): SharedWork<T> {
  const underWay = new Map<string, Promise<T | undefined>>();
  return async (ctx, key, work) => {
    const other = underWay.get(key);
    const shared = other && (await within(other, FOLLOW_MS));
    if (shared) return shared;
    if (underWay.size >= MAX_SHARED) return work();
    const { promise, resolve } = Promise.withResolvers<T | undefined>();
    underWay.set(key, promise);
    // Others may be waiting, even if this client leaves.
    ctx.waitUntil(promise);
    try {
      const result = await work();
      resolve(result);
      return result;
    } finally {
      resolve(undefined);
      if (underWay.get(key) === promise) underWay.delete(key);
    }
  };
}
