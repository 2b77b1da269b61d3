import type { Store } from '../stores/store.ts';
import { type Contents, createContents } from './contents.ts';
import { createProvider } from './descriptors.ts';
import type { BlobDescriptorCacheProvider } from './provider.ts';
import { createTags, type Tags } from './tags.ts';

/** What may be believed of a store: its descriptors and tags, judged, and its content, verified. */
export interface RegistryCache {
  readonly descriptors: BlobDescriptorCacheProvider;
  readonly contents: Contents;
  /** Absent if the store keeps none. */
  readonly tags: Tags | undefined;
}

/** Judges a store: decides what of it counts, and emits an event for every look. */
export function createCache(store: Store): RegistryCache {
  return {
    descriptors: createProvider(store),
    contents: createContents(store),
    tags: store.tags && createTags(store.name, store.tags),
  };
}
