import { within } from '../async.ts';
import type { RequestContext } from '../context.ts';

/**
 * Does a piece of work, or waits, for a bounded time, for another request of this isolate that is doing the same.
 * @param key what distinguishes the work
 */
export type SharedWork<T> = (ctx: RequestContext, key: string, work: () => Promise<T>) => Promise<T>;

/**
 * The platform may have ended the request that others wait for. Any other has its result sooner, since a token server is
 * waited for 10 s at most.
 */
const FOLLOW_MS = 12_000;
/** How many requests are waited for, one after the other, before a request does the work itself. */
const MAX_FOLLOWED = 2;
const MAX_SHARED = 1_000;

/** Creates what lets requests share work. They pass each other plain data, never I/O. */
export function createSharedWork<T extends object>(): SharedWork<T> {
  const underWay = new Map<string, Promise<T | undefined>>();
  return async (ctx, key, work) => {
    let inVain: Promise<T | undefined> | undefined;
    // Of all who have waited for the same request in vain, the first one does the work, and the others wait for that.
    for (let followed = 0; followed < MAX_FOLLOWED; followed++) {
      const other = underWay.get(key);
      if (!other || other === inVain) break;
      const shared = await within(other, FOLLOW_MS);
      if (shared) return shared;
      inVain = other;
    }
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
