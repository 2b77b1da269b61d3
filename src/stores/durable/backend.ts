import { oneOf } from '../../config/forms.ts';
import { upstreamPrefix } from '../../oci/alias.ts';
import type { StoreBackend } from '../backend.ts';
import type { StoreOptions } from '../options.ts';
import type { Store } from '../store.ts';
import type { RepositoryNamespace } from './namespace.ts';
import { durableContents, durableDescriptors, durableTags } from './records.ts';

/** The regions in which Cloudflare may place an object. */
const LOCATIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;

/** `BLOBDESCRIPTOR=durable`: a Durable Object for each repository, with the binding `REPOSITORIES`. */
export const durableBackend: StoreBackend = {
  kind: 'durable',
  variables: ['STORE_LOCATION'],
  configure(settings) {
    const location = settings.read('STORE_LOCATION', oneOf('', ['', ...LOCATIONS]));
    const namespace = settings.binding<RepositoryNamespace>('REPOSITORIES', 'a namespace of Durable Objects');
    return namespace && location !== undefined
      ? (options) => createDurableStore({ namespace, location: location || undefined }, options)
      : undefined;
  },
};

export interface DurableObjects {
  readonly namespace: RepositoryNamespace;
  /** Near which the objects should be placed; without it, near their first caller. */
  readonly location: string | undefined;
}

export function createDurableStore({ namespace, location }: DurableObjects, options: StoreOptions): Store {
  const { alias, origin, retentionMs, maxClearedForMs, askedAs } = options;
  const terms = { askedAs, lifeMs: retentionMs + maxClearedForMs };
  // With the origin in its name, another origin needs no other namespace. Names of repositories have no space.
  const objectOf = (name: string) =>
    namespace.get(namespace.idFromName(`${upstreamPrefix(alias)}${origin} ${name}`), { locationHint: location });
  return {
    name: 'durable',
    isShared: true,
    descriptors: (name, links) => durableDescriptors(objectOf(name), links, terms),
    // A record of all repositories would have to be in one object, which every repository would wait for.
    globals: undefined,
    tags: durableTags(objectOf, terms),
    // Two digits of the digest choose one of 256 objects.
    contents: durableContents((digest) => objectOf(`content ${digest.split(':')[1]?.slice(0, 2)}`), retentionMs),
    peek: undefined,
  };
}
