import { type Edge, type EdgeOptions, startEdge } from './edge.ts';
import { type CountingProxy, startCountingProxy } from './proxy.ts';
import { startRedisFor } from './redis.ts';
import { REGISTRIES, type Registry, type RegistryKind, type RegistryOptions, startRegistry } from './registry.ts';
import { type BackendKind, describeWith, type Tool, toolsOf } from './tools.ts';

/** A registry, a store and a way of access with which an edge is tested. */
export interface Setup {
  readonly kind: RegistryKind;
  readonly backend: BackendKind;
  readonly clientAuth: 'origin' | 'anonymous';
  /** Whether the registry uses the same Redis. */
  readonly shared?: boolean;
}

/** An edge in front of a registry. */
export interface Started {
  readonly origin: Registry;
  readonly edge: Edge;
}

/** An edge in front of a registry, with a proxy between them that counts what the edge asks. */
export interface Chain extends Started {
  readonly proxy: CountingProxy;
}

/** Both registries, all shared stores and both ways of access, but not every combination. */
const SETUPS: readonly Setup[] = REGISTRIES.flatMap((kind): Setup[] => [
  { kind, backend: 'redis', clientAuth: 'origin' },
  { kind, backend: 'kv', clientAuth: 'anonymous' },
  { kind, backend: 'durable', clientAuth: 'origin' },
]);
/** Each registry, store and way of access once, for tests that take long. */
export const FEW_SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'durable', clientAuth: 'origin' },
];
/** Every store, the shared Redis too, and both registries, but not every combination. */
export const EVERY_STORE: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'registry', backend: 'durable', clientAuth: 'origin' },
  { kind: 'docker-registry', backend: 'inmemory', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin', shared: true },
];

/** Runs the same tests once for each setup. */
export function describeSetups(
  tools: readonly Tool[],
  title: string,
  body: (setup: Setup) => void,
  setups = SETUPS,
): void {
  for (const setup of setups) {
    const { kind, backend, clientAuth, shared } = setup;
    const store = `BLOBDESCRIPTOR=${backend}${shared ? ', REDIS_SHARED=true' : ''}`;
    const needed = [kind, ...toolsOf(backend), ...tools];
    describeWith(needed, `${kind}, ${store}, CLIENT_AUTH=${clientAuth}: ${title}`, () => body(setup));
  }
}

/**
 * Starts an empty registry, and an edge in front of it.
 * @param variables further variables of the edge
 */
export async function startSetup(setup: Setup, variables: EdgeOptions['variables'] = {}): Promise<Started> {
  const { kind, backend, clientAuth, shared = false } = setup;
  const redis = await startRedisFor(backend);
  const origin = await startRegistry({ kind, redis: shared ? redis : undefined });
  const allVariables = { CLIENT_AUTH: clientAuth, REDIS_SHARED: String(shared), ...variables };
  return { origin, edge: await startEdge({ origin: origin.url, backend, redis, variables: allVariables }) };
}

/** Starts an empty registry, a counting proxy in front of it, and an edge in front of that. */
export async function startChain(edge: Omit<EdgeOptions, 'origin'>, registry: RegistryOptions = {}): Promise<Chain> {
  const origin = await startRegistry(registry);
  const proxy = await startCountingProxy(origin.url);
  return { origin, proxy, edge: await startEdge({ origin: proxy.url, ...edge }) };
}
