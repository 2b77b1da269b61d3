import type { RequestContext } from '../../context.ts';
import { withTimeout } from '../timeout.ts';
import type { RepositoryNamespace } from './namespace.ts';
import type { Call, Clears, RepositoryRpc, ResultOf, Writes } from './rpc.ts';

/** The methods of an object that take several calls. */
interface Batched {
  readonly write: Writes;
  readonly clear: Clears;
}

interface OpenRequest {
  readonly calls: unknown[];
  readonly results: Promise<unknown[]>;
}

/** How an object is reached, and how long its answer may take; by default the time of every operation on a store. */
export interface Destination {
  readonly name: string;
  readonly timeoutMs?: number;
}

/** The objects of one upstream. */
export interface Objects {
  objectOf(name: string): RepositoryRpc;
  /**
   * Sends a call to an object. What one client's request writes to an object, or clears in it, in the same turn of the
   * event loop is one request. So both link sets and the tags of a repository are cleared in one step.
   * @throws Error the object failed, or did not answer in time
   */
  send<M extends keyof Batched, C extends Call<Batched[M]>>(
    ctx: RequestContext,
    to: Destination,
    method: M,
    call: C,
  ): Promise<ResultOf<Batched[M], C>>;
}

/** @param prefix of the names @param location near which the objects should be placed; by default near their callers */
export function createObjects(namespace: RepositoryNamespace, prefix: string, location: string | undefined): Objects {
  const objectOf = (name: string) => namespace.get(namespace.idFromName(prefix + name), { locationHint: location });
  const openRequests = new WeakMap<RequestContext, Map<string, OpenRequest>>();

  function openRequest(open: Map<string, OpenRequest>, { name, timeoutMs }: Destination, method: keyof Batched) {
    const key = `${method} ${name}`;
    const found = open.get(key);
    if (found) return found;
    const calls: unknown[] = [];
    const send = async () => {
      // A timer comes after all microtasks: link sets and tags pass through the tiers in different numbers of them.
      await new Promise((resolve) => setTimeout(resolve));
      open.delete(key);
      const object = objectOf(name);
      const answer = method === 'write' ? object.write(calls as Call<Writes>[]) : object.clear(calls as Call<Clears>[]);
      return withTimeout(answer, timeoutMs);
    };
    const request: OpenRequest = { calls, results: send() };
    open.set(key, request);
    return request;
  }

  return {
    objectOf,
    async send(ctx, to, method, call) {
      const open = openRequests.get(ctx) ?? new Map<string, OpenRequest>();
      openRequests.set(ctx, open);
      const { calls, results } = openRequest(open, to, method);
      const at = calls.push(call) - 1;
      return (await results)[at] as never;
    },
  };
}
