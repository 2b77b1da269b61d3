import { type Edge, startEdge } from './edge.ts';
import { REGISTRIES, type Registry, type RegistryKind, startRegistry } from './registry.ts';
import { type BackendKind, describeWith, type Tool } from './tools.ts';

/** What an edge is run with where all clients pull through it. */
export interface Setup {
  readonly kind: RegistryKind;
  readonly backend: BackendKind;
  readonly clientAuth: 'origin' | 'anonymous';
}

export interface Started {
  readonly origin: Registry;
  readonly edge: Edge;
}

/** Both registries, both stores and both ways of access, but not each with each. */
const SETUPS: readonly Setup[] = REGISTRIES.flatMap((kind): Setup[] => [
  { kind, backend: 'redis', clientAuth: 'origin' },
  { kind, backend: 'kv', clientAuth: 'anonymous' },
]);
/** Each registry, store and way of access once, for what takes long. */
export const FEW_SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'anonymous' },
];

/** The same tests once for each setup. */
export function describeSetups(
  tools: readonly Tool[],
  title: string,
  body: (setup: Setup) => void,
  setups = SETUPS,
): void {
  for (const setup of setups) {
    const { kind, backend, clientAuth } = setup;
    const needed: Tool[] = [kind, ...(backend === 'redis' ? ['redis-server' as const] : []), ...tools];
    describeWith(needed, `${kind}, BLOBDESCRIPTOR=${backend}, CLIENT_AUTH=${clientAuth}: ${title}`, () => body(setup));
  }
}

/** A registry with nothing in it, and the edge in front. */
export async function startSetup({ kind, backend, clientAuth }: Setup): Promise<Started> {
  const origin = await startRegistry({ kind });
  return { origin, edge: await startEdge({ origin: origin.url, backend, variables: { CLIENT_AUTH: clientAuth } }) };
}
