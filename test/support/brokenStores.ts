import { env } from 'cloudflare:workers';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import type { EdgeOptions } from './edge.ts';
import { REDIS } from './pushManifest.ts';
import { ADDRESS, NO_REDIS } from './redisStore.ts';
import { scripted } from './scripted.ts';

/** An edge before a store: its variables, and what else it takes. */
export type Store = [store: string, variables: Record<string, string>, options: EdgeOptions];

const kv = env.DESCRIPTORS;
const all = (work: () => Promise<never>) =>
  ({ get: work, getWithMetadata: work, put: work, delete: work, list: work }) as unknown as DescriptorNamespace;
const refuse = () => Promise.reject(new Error('KV: 429 Too Many Requests'));

/** Stores that fail at once, whatever they are asked. */
export const DOWN: Store[] = [
  ['kv', { BLOBDESCRIPTOR: 'kv' }, { namespace: all(refuse) }],
  ['redis', { ...REDIS, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' }, {}],
];

/** Longer than the edge waits for an answer, shorter than the store may take in all. */
const LATE_MS = 400;

/** Stores that take everything, late, before an edge that waits for none of it. */
export function slowStores(): Store[] {
  const put: DescriptorNamespace['put'] = async (...call: Parameters<typeof kv.put>) => {
    await new Promise((resolve) => setTimeout(resolve, LATE_MS));
    return kv.put(...call);
  };
  const namespace = {
    get: kv.get.bind(kv),
    getWithMetadata: kv.getWithMetadata.bind(kv),
    put,
  } as unknown as DescriptorNamespace;
  const CACHE_TIMEOUT = '100ms';
  const stores: Store[] = [['kv', { BLOBDESCRIPTOR: 'kv', CACHE_TIMEOUT }, { namespace }]];
  if (NO_REDIS) return stores;
  const { url } = scripted({ forward: ADDRESS.url, waitMs: LATE_MS });
  return [...stores, ['redis', { ...REDIS, UPSTASH_REDIS_REST_URL: url, CACHE_TIMEOUT }, {}]];
}
