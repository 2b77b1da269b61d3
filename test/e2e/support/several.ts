import { createRegistry } from '../../../local/origin/registry.ts';
import { serveLocally } from '../../../local/serve.ts';
import { atEnd } from './cleanup.ts';
import { type Edge, startEdge } from './edge.ts';
import { type Registry, startRegistry } from './registry.ts';

/** The registries that one edge has behind it, and where it listens for each. */
export const SEVERAL = [
  { name: 'three', what: 'registry 3.1', address: '127.0.0.2' },
  { name: 'two', what: 'registry 2.8.2', address: '127.0.0.3' },
  { name: 'embedded', what: 'the embedded one', address: '127.0.0.4' },
] as const;
export type Name = (typeof SEVERAL)[number]['name'];

export interface Several {
  readonly edge: Edge;
  /** By what names the edge reaches each registry; pushes go by the host only. */
  readonly registries: Readonly<Record<Name, { readonly url: string; readonly host: string }>>;
  /** Those that can be stopped. */
  readonly three: Registry;
  readonly two: Registry;
  /** The host that clients write in front of a name, for a registry that the host chooses. */
  hostOf(name: Name): string;
  /** What clients write in front of a name, for a registry that a prefix chooses. */
  prefixOf(name: Name): string;
  /** The host in the `?ns=` that chooses a registry. */
  nsOf(name: Name): string;
}

/** Starts three registries, and one edge in front of them that knows each by its host, a prefix and an `ns`. */
export async function startSeveral(variables: Readonly<Record<string, string>> = {}): Promise<Several> {
  const three = await startRegistry({ kind: 'registry', quiet: true });
  const two = await startRegistry({ kind: 'docker-registry', quiet: true });
  const embedded = await serveLocally(createRegistry().fetch);
  atEnd(() => embedded.close());
  const registries = { three, two, embedded: { url: embedded.url, host: new URL(embedded.url).host } };
  const upstreams = SEVERAL.flatMap(({ name, address }) => {
    const ORIGIN_URL = registries[name].url;
    const mirror = { ORIGIN_URL, CLIENT_AUTH: 'anonymous', PREFIX: `mirror/${name}`, NS: `${name}.test` };
    return [
      [name, { ORIGIN_URL, HOSTS: address }],
      [`${name}-mirror`, mirror],
    ] as const;
  });
  const edge = await startEdge({
    origin: '',
    backend: 'durable',
    variables: { HOST: '0.0.0.0', UPSTREAMS: JSON.stringify(Object.fromEntries(upstreams)), ...variables },
  });
  const { port } = new URL(edge.url);
  return {
    ...{ edge: { ...edge, url: `http://127.0.0.1:${port}`, host: `127.0.0.1:${port}` }, registries, three, two },
    hostOf: (name) => `${SEVERAL.find((each) => each.name === name)?.address}:${port}`,
    prefixOf: (name) => `127.0.0.1:${port}/mirror/${name}`,
    nsOf: (name) => `${name}.test`,
  };
}
