import { PLACEMENT_VARIABLES, type Placed, readPlacement } from '../../config/placement.ts';
import type { StoreBackend } from '../backend.ts';
import type { StoreOptions } from '../options.ts';
import type { Store } from '../store.ts';
import { createDurableContents } from './contents.ts';
import { createDurableDescriptors } from './descriptors.ts';
import { createDurableHistory } from './history.ts';
import type { RepositoryNamespace } from './namespace.ts';
import { createDurablePulls } from './pulls.ts';
import { createObjects } from './requests.ts';
import type { Terms } from './rpc.ts';
import { createDurableTags } from './tags.ts';

/** `BLOBDESCRIPTOR=durable`: a Durable Object for each repository, with the binding `REPOSITORIES`. */
export const durableBackend: StoreBackend = {
  kind: 'durable',
  variables: PLACEMENT_VARIABLES,
  hasHistory: true,
  configure(settings) {
    const everywhere = settings.binding<RepositoryNamespace>('REPOSITORIES', 'a namespace of Durable Objects');
    const find = readPlacement(settings, everywhere);
    return find && ((options) => createDurableStore(find(), options));
  },
  configureCounter(settings) {
    const find = readPlacement(settings, settings.optionalBinding<RepositoryNamespace>('REPOSITORIES'));
    return find && ((options, declared) => createDurablePulls(objectsOf(find(), options), declared));
  },
};

export type DurableObjects = Placed<RepositoryNamespace>;

/** With the origin in its name, another origin needs no other namespace. Names of repositories have no space. */
function objectsOf(
  { namespace, location }: DurableObjects,
  { prefix, origin }: Pick<StoreOptions, 'prefix' | 'origin'>,
) {
  return createObjects(namespace, `${prefix}${origin} `, location);
}

export function createDurableStore(durable: DurableObjects, options: StoreOptions): Store {
  const { retentionMs, maxClearedForMs, askedAs } = options;
  const terms: Terms = { askedAs, retentionMs, lifeMs: retentionMs + maxClearedForMs };
  const objects = objectsOf(durable, options);
  return {
    name: 'durable',
    isShared: true,
    isAtomic: true,
    descriptors: (name, links) => createDurableDescriptors(objects, name, links, terms),
    // A record of all repositories would have to be in one object, which every repository would wait for.
    globals: undefined,
    tags: createDurableTags(objects, terms),
    history: (ofHistory) => createDurableHistory(objects, ofHistory),
    contents: createDurableContents(objects, retentionMs),
    peek: undefined,
  };
}
