import type { Backend } from '../config/backend.ts';
import type { Allowance } from '../pulls/budget.ts';
import type { PullCounter } from '../pulls/counter.ts';
import type { StoreOptions } from './options.ts';
import type { Store } from './store.ts';

/** A backend of the cache: a folder here, and a line in `assembleCaches.ts`. */
export type StoreBackend = Backend<(options: StoreOptions) => Store, OpenCounter>;

/** Opens what counts the pulls of one upstream, for all isolates. @param declared `UPSTREAM_BUDGET` */
export type OpenCounter = (
  options: Pick<StoreOptions, 'prefix' | 'origin'>,
  declared: Allowance | undefined,
) => PullCounter;
