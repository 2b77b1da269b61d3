import type { StoreBackend } from '../backend.ts';
import { createInMemoryStore } from './store.ts';

/** `BLOBDESCRIPTOR=inmemory`: for one process, and for tests. */
export const inMemoryBackend: StoreBackend = {
  kind: 'inmemory',
  variables: [],
  configure: () => createInMemoryStore,
};
