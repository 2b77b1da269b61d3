import { startEdges } from '../../e2e/support/edge.ts';
import { keysOf } from '../../e2e/support/journeys/sides.ts';
import { type CountingProxy, startCountingProxy } from '../../e2e/support/proxy.ts';
import { startRegistry } from '../../e2e/support/registry.ts';
import { startTokenServer } from '../../e2e/support/tokenServer.ts';
import { BACKENDS, type BackendKind } from '../../e2e/support/tools.ts';
import { startDistance } from '../delay.ts';
import { DISTANCE_MS } from './plan.ts';

/** A way from a client to the registry. Every way has the same proxies, so that they cost each the same. */
export interface Way {
  readonly name: WayName;
  readonly hasEdge: boolean;
  /** Where the client pushes to. */
  readonly host: string;
  /** What the client sends. */
  readonly clients: CountingProxy;
  /** What arrives at the registry's end. */
  readonly origin: CountingProxy;
}

/** `near` is the direct one without the distance: it takes the time that is the client's own. */
export type WayName = 'near' | 'direct' | BackendKind;
export const WAY_NAMES: readonly WayName[] = ['near', 'direct', ...BACKENDS];

/** Starts what stands in front of the origin. @returns the URL to which clients are led */
export type StartFront = (name: WayName, origin: string) => Promise<string>;

/** Starts a registry with token authentication. @param startFront by default the edge @returns what starts a way to it */
export async function startRoads(windowMs: number): Promise<(name: WayName, startFront?: StartFront) => Promise<Way>> {
  const tokens = await startTokenServer();
  const registry = await startRegistry({ kind: 'registry', tokens, inMemory: true, quiet: true });
  const variables = { ...keysOf(tokens), PUSH_EXISTENCE_TTL: `${windowMs}ms`, LOG_LEVEL: 'warn' };
  const startEdge: StartFront = async (backend, origin) => {
    if (isWithoutEdge(backend)) return origin;
    const [edge] = await startEdges({ origin, backend }, [variables]);
    if (!edge) throw new Error('no edge was started');
    return edge.url;
  };
  return async (name, startFront = startEdge) => {
    const distant = name === 'near' ? registry.url : await startDistance(registry.url, DISTANCE_MS / 2);
    const origin = await startCountingProxy(distant);
    const clients = await startCountingProxy(await startFront(name, origin.url));
    return { name, hasEdge: !isWithoutEdge(name), host: new URL(clients.url).host, clients, origin };
  };
}

function isWithoutEdge(name: WayName): name is 'near' | 'direct' {
  return name === 'near' || name === 'direct';
}
