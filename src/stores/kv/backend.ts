import type { StoreBackend } from '../backend.ts';
import type { StoreOptions } from '../options.ts';
import type { Store } from '../store.ts';
import { createKvContents } from './contents.ts';
import { createKvDescriptors } from './descriptors.ts';
import type { DescriptorNamespace } from './namespace.ts';

/** `BLOBDESCRIPTOR=kv`: Workers KV, with the binding `DESCRIPTORS`. */
export const kvBackend: StoreBackend = {
  kind: 'kv',
  lacksTags: true,
  variables: [],
  configure(settings) {
    const namespace = settings.binding<DescriptorNamespace>('DESCRIPTORS', 'a KV namespace');
    return namespace && ((options) => createKvStore(namespace, options));
  },
};

export function createKvStore(namespace: DescriptorNamespace, options: StoreOptions): Store {
  const { prefix } = options;
  return {
    name: 'kv',
    isShared: true,
    isAtomic: false,
    descriptors: createKvDescriptors(namespace, prefix, options),
    globals: undefined,
    // KV lags behind for longer than a tag's pointer may be trusted.
    tags: undefined,
    history: undefined,
    contents: createKvContents(namespace, prefix, options.retentionMs),
    peek: undefined,
  };
}
