import { oneOfOrNone } from '../../config/forms.ts';
import type { Settings } from '../../config/settings.ts';
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

/** The regions in which Cloudflare may place an object. */
const LOCATIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
/** Where the law may require objects to stay. */
const JURISDICTIONS = ['eu', 'us', 'fedramp'] as const;

/** `BLOBDESCRIPTOR=durable`: a Durable Object for each repository, with the binding `REPOSITORIES`. */
export const durableBackend: StoreBackend = {
  kind: 'durable',
  variables: ['STORE_LOCATION', 'STORE_JURISDICTION'],
  hasHistory: true,
  configure(settings) {
    const everywhere = settings.binding<RepositoryNamespace>('REPOSITORIES', 'a namespace of Durable Objects');
    const find = readObjects(settings, everywhere);
    return find && ((options) => createDurableStore(find(), options));
  },
  configureCounter(settings) {
    const find = readObjects(settings, settings.optionalBinding<RepositoryNamespace>('REPOSITORIES'));
    return find && ((options, declared) => createDurablePulls(objectsOf(find(), options), declared));
  },
};

/** Reads where the objects are. @returns `undefined` if something is bad, which is reported, or nothing is bound */
function readObjects(
  settings: Settings,
  everywhere: RepositoryNamespace | undefined,
): (() => DurableObjects) | undefined {
  const location = settings.read('STORE_LOCATION', oneOfOrNone(LOCATIONS));
  const jurisdiction = settings.read('STORE_JURISDICTION', oneOfOrNone(JURISDICTIONS));
  if (!everywhere || location === undefined || jurisdiction === undefined) return undefined;
  // What is bound is no namespace where only the configuration is read.
  return () => ({
    namespace: jurisdiction ? everywhere.jurisdiction(jurisdiction) : everywhere,
    location: location || undefined,
  });
}

export interface DurableObjects {
  readonly namespace: RepositoryNamespace;
  /** Near which the objects should be placed; without it, near their first caller. */
  readonly location: string | undefined;
}

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
