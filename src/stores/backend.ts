import type { Backend } from '../config/backend.ts';
import type { StoreOptions } from './options.ts';
import type { Store } from './store.ts';

/** A backend of the cache: a folder here, and a line in `assemble.ts`. */
export type StoreBackend = Backend<(options: StoreOptions) => Store>;
