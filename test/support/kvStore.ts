import { env } from 'cloudflare:workers';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';

const kv = env.DESCRIPTORS;

/** Rejects as KV does when a key is written more than once a second. */
export const refuse = () => Promise.reject(new Error('KV: 429 Too Many Requests'));

/** A namespace that rejects every request. */
export const FAILING_KV = {
  get: refuse,
  getWithMetadata: refuse,
  put: refuse,
  delete: refuse,
  list: refuse,
} as unknown as DescriptorNamespace;

/** The namespace of the tests, whose writes take this long. */
export function slowKv(waitMs: number): DescriptorNamespace {
  const put: DescriptorNamespace['put'] = async (...call: Parameters<typeof kv.put>) => {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    return kv.put(...call);
  };
  return {
    get: kv.get.bind(kv),
    getWithMetadata: kv.getWithMetadata.bind(kv),
    put,
  } as unknown as DescriptorNamespace;
}
