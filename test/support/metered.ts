import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import type { Cost } from '../../local/price/costs.ts';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import { interceptObjects } from './durableStore.ts';
import { createEdge, type Edge, type EdgeOptions } from './edge.ts';
import { ADDRESS } from './redisStore.ts';
import { storeNamed } from './stores.ts';

/** Counts the items that a call to an object names: its digests, or one. */
function itemsIn(args: readonly unknown[]): number {
  return args.flatMap((arg) => (arg as { digests?: unknown[] })?.digests ?? []).length || 1;
}

export interface MeteredEdge extends Edge {
  /** Returns the cost of the requests to the store since the last call. */
  spent(): Cost;
}

/**
 * Creates an edge that counts the requests to its store: keys of KV, and commands of Redis. A script is one command.
 */
export function createMeteredEdge(
  store: string,
  variables: Record<string, string> = {},
  options: EdgeOptions = {},
): MeteredEdge {
  let storeRequests = 0;
  let reads = 0;
  let writes = 0;

  const namespace = {
    get(keys: string[], how: KVNamespaceGetOptions<'text'>) {
      storeRequests++;
      reads += keys.length;
      return env.DESCRIPTORS.get(keys, how);
    },
    getWithMetadata(...args: Parameters<KVNamespace['getWithMetadata']>) {
      storeRequests++;
      reads++;
      return env.DESCRIPTORS.getWithMetadata(...args);
    },
    put(...args: Parameters<KVNamespace['put']>) {
      storeRequests++;
      writes++;
      return env.DESCRIPTORS.put(...args);
    },
    list(...args: Parameters<KVNamespace['list']>) {
      storeRequests++;
      return env.DESCRIPTORS.list(...args);
    },
  } as DescriptorNamespace;

  const objects = interceptObjects(async (method, args, call) => {
    storeRequests++;
    if (method.startsWith('read')) {
      reads += itemsIn(args);
      return call();
    }
    // What is not batched is about one row.
    if (method !== 'write' && method !== 'clear') {
      writes++;
      return call();
    }
    const calls = args[0] as readonly unknown[][];
    const isLook = calls.map(([name]) => name === 'presentEntries');
    for (const [at, [, ...each]] of calls.entries()) {
      if (isLook[at]) reads += itemsIn(each);
      else writes += itemsIn(each);
    }
    const results = (await call()) as unknown[][];
    // Only what is present is written.
    for (const [at, found] of results.entries()) if (isLook[at]) writes += found.length;
    return results;
  });

  const fetchAsIs = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const url = String(input instanceof Request ? input.url : input);
    if (store === 'redis' && url.startsWith(ADDRESS.url)) {
      storeRequests++;
      const commands = JSON.parse(String(init?.body)) as unknown[];
      if (url.endsWith('/multi-exec')) writes += commands.length;
      else if (commands[0] === 'set' || commands[0] === 'eval') writes++;
      else reads += url.endsWith('/pipeline') ? commands.length : 1;
    }
    return fetchAsIs(input, init);
  });

  const edge = createEdge({ ...storeNamed(store).variables, ...variables }, { ...options, namespace, objects });
  return {
    ...edge,
    spent() {
      const cost = { storeRequests, operations: { reads, writes } };
      [storeRequests, reads, writes] = [0, 0, 0];
      return cost;
    },
  };
}
