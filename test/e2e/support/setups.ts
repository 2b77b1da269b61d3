import { type Edge, startEdge } from './edge.ts';
import { startRedis } from './redis.ts';
import { REGISTRIES, type Registry, type RegistryKind, startRegistry } from './registry.ts';
import { type BackendKind, describeWith, type Tool } from './tools.ts';

/** What an edge is run with where all clients pull through it. */
export interface Setup {
  readonly kind: RegistryKind;
  readonly backend: BackendKind;
  readonly clientAuth: 'origin' | 'anonymous';
  /** Whether the registry uses the same Redis. */
  readonly shared?: boolean;
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
    const { kind, backend, clientAuth, shared } = setup;
    const needed: Tool[] = [kind, ...(backend === 'redis' ? ['redis-server' as const] : []), ...tools];
    const store = `BLOBDESCRIPTOR=${backend}${shared ? ', REDIS_SHARED=true' : ''}`;
    describeWith(needed, `${kind}, ${store}, CLIENT_AUTH=${clientAuth}: ${title}`, () => body(setup));
  }
}

/** A registry with nothing in it, and the edge in front. */
export async function startSetup({ kind, backend, clientAuth, shared = false }: Setup): Promise<Started> {
  const redis = backend === 'redis' ? await startRedis() : undefined;
  const origin = await startRegistry({ kind, ...(shared && redis && { redis }) });
  const variables = { CLIENT_AUTH: clientAuth, REDIS_SHARED: String(shared) };
  return { origin, edge: await startEdge({ origin: origin.url, backend, ...(redis && { redis }), variables }) };
}
